package cprun.nyc;

import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** The two ways to the same results: keep every row until the window fires, or only count and sum. */
final class Windows {
    private Windows() {}

    /** Goes over the rows that the window kept. Its state grows with the rows, as the study's does. */
    static final class OverRows extends ProcessWindowFunction<Trip, WindowResult, Integer, TimeWindow> {
        private static final long serialVersionUID = 1L;

        @Override
        public void process(Integer zone, Context context, Iterable<Trip> trips, Collector<WindowResult> out) {
            long count = 0;
            long cents = 0;
            for (Trip trip : trips) {
                count++;
                cents += trip.cents;
            }
            out.collect(new WindowResult(context.window().getStart(), zone, count, cents));
        }
    }

    /** Count and sum so far. */
    public static class Sum {
        public long count;
        public long cents;
    }

    /** Adds each row as it comes. Its state is two numbers for each open window and zone. */
    static final class Adding implements AggregateFunction<Trip, Sum, Sum> {
        private static final long serialVersionUID = 1L;

        @Override
        public Sum createAccumulator() {
            return new Sum();
        }

        @Override
        public Sum add(Trip trip, Sum sum) {
            sum.count++;
            sum.cents += trip.cents;
            return sum;
        }

        @Override
        public Sum getResult(Sum sum) {
            return sum;
        }

        @Override
        public Sum merge(Sum left, Sum right) {
            left.count += right.count;
            left.cents += right.cents;
            return left;
        }
    }

    /** Puts zone and window to the sum. */
    static final class Named extends ProcessWindowFunction<Sum, WindowResult, Integer, TimeWindow> {
        private static final long serialVersionUID = 1L;

        @Override
        public void process(Integer zone, Context context, Iterable<Sum> sums, Collector<WindowResult> out) {
            Sum sum = sums.iterator().next();
            out.collect(new WindowResult(context.window().getStart(), zone, sum.count, sum.cents));
        }
    }
}
