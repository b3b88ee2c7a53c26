package ticks;

import cprun.probe.ProbeFilter;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.DiscardingSink;

/** A job that cprun knows nothing of: its source and its sink are its own, and it may carry the probe. */
public final class Ticks {
    private Ticks() {}

    public static void main(String[] args) throws Exception {
        boolean probed = Arrays.asList(args).equals(List.of("--probe", "true"));
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        DataStream<Long> ticks =
                env.fromSource(
                        new DataGeneratorSource<Long>(
                                index -> index, Long.MAX_VALUE, RateLimiterStrategy.perSecond(1000), Types.LONG),
                        WatermarkStrategy.noWatermarks(),
                        "ticks");
        if (probed) {
            ticks = ticks.filter(new ProbeFilter<>());
        }
        ticks.keyBy(tick -> tick % 64)
                .reduce(Long::sum)
                .addSink(new DiscardingSink<>());
        env.execute("ticks");
    }
}
