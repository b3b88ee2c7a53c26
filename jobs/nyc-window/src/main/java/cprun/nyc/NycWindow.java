package cprun.nyc;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.datastream.WindowedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.time.Time;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;

/**
 * The NYC taxi job: rows of the TLC's trip records from Kafka, or from a block of them read over and over,
 * an event-time tumbling window by pickup zone with its count and its total in cents, results to Kafka.
 * Its arguments are told in job.toml.
 *
 * <p>It sets no checkpoint interval, parallelism, watermark interval or restart strategy: what code
 * sets beats the submission and the cluster, and these are what experiments vary.
 *
 * <p>Kryo is forbidden rather than avoided, so that a change that would bring it in fails at once.
 */
public final class NycWindow {
    private static final List<String> ARGUMENTS =
            List.of(
                    "bootstrap",
                    "topic",
                    "block",
                    "results",
                    "state",
                    "sink",
                    "window-ms",
                    "out-of-orderness-ms",
                    "columns");

    /**
     * How many of its rows a source subtask may be ahead of the slowest one. Nothing else keeps together
     * subtasks that read as fast as they can, and windows pile up behind the slowest. In rows, as time
     * passes faster on a faster machine; and twice what a subtask would read between two updates at
     * 250,000 rows a second, more than it can: with fewer it would wait for the next update rather than
     * for the others, and its job would look slower than it is.
     */
    private static final int ROWS_AHEAD = 50_000;

    private static final Duration ALIGNED_EVERY = Duration.ofMillis(100);

    private NycWindow() {}

    public static void main(String[] args) throws Exception {
        Arguments arguments = new Arguments(args, ARGUMENTS);
        String bootstrap = arguments.text("bootstrap");
        String topic = arguments.textOrEmpty("topic");
        String block = arguments.textOrEmpty("block");
        if (topic.isEmpty() == block.isEmpty()) {
            throw Arguments.wrong(
                    "it wants either --topic or --block, and got " + (topic.isEmpty() ? "neither" : "both"));
        }
        String results = arguments.text("results");
        boolean buffered = arguments.choice("state", "buffered", "aggregated").equals("buffered");
        boolean exactlyOnce =
                arguments.choice("sink", "at_least_once", "exactly_once").equals("exactly_once");
        long windowMs = arguments.wholeNumber("window-ms", 7_200_000, 1);
        long outOfOrdernessMs = arguments.wholeNumber("out-of-orderness-ms", 60_000, 0);
        int[] columns = arguments.columns("columns", "1,7,16", 3);

        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.getConfig().disableGenericTypes();

        // At the source, so that the watermark is the least over partitions, not over subtasks: rows
        // that one subtask reads from a partition ahead of the others are not late then. No idleness: a
        // partition that falls silent holds back every window, which is why a replay ends with flushes.
        WatermarkStrategy<Trip> watermarks =
                WatermarkStrategy.<Trip>forBoundedOutOfOrderness(Duration.ofMillis(outOfOrdernessMs))
                        .withTimestampAssigner((trip, kafkaTime) -> trip.pickupEpochMs);

        DataStream<Trip> trips =
                block.isEmpty()
                        ? fromTopic(env, source(bootstrap, topic, results, columns, buffered), watermarks)
                        : fromBlock(env, block, columns, buffered, watermarks, outOfOrdernessMs);

        WindowedStream<Trip, Integer, TimeWindow> windows =
                trips
                        .filter(trip -> !trip.isFlush())
                        .name("drop-flush")
                        .uid("drop-flush")
                        .keyBy(trip -> trip.zone, Types.INT)
                        .window(tumbling(windowMs));

        SingleOutputStreamOperator<WindowResult> sums =
                buffered
                        ? windows.process(new Windows.OverRows())
                        : windows.aggregate(new Windows.Adding(), new Windows.Named());

        sums.name("window")
                .uid("window")
                .sinkTo(sink(bootstrap, results, exactlyOnce))
                .name("results")
                .uid("results");

        env.execute("nyc-window");
    }

    private static DataStream<Trip> fromTopic(
            StreamExecutionEnvironment env, KafkaSource<Trip> source, WatermarkStrategy<Trip> watermarks) {
        return env.fromSource(new SplitsFirst<>(source), watermarks, "trips", TypeInformation.of(Trip.class))
                .uid("trips");
    }

    /** By the same name, but not the same uid: neither source can go on where the other one stood. */
    private static DataStream<Trip> fromBlock(
            StreamExecutionEnvironment env,
            String path,
            int[] columns,
            boolean keepRows,
            WatermarkStrategy<Trip> watermarks,
            long outOfOrdernessMs)
            throws IOException {
        RowBlock block = RowBlock.examine(path, TripParser.of(columns, false), outOfOrdernessMs);
        Duration drift = block.covers(ROWS_AHEAD * env.getParallelism());
        return env.fromSource(
                        new RowBlockSource(block, columns, keepRows),
                        watermarks.withWatermarkAlignment("trips", drift, ALIGNED_EVERY),
                        "trips",
                        TypeInformation.of(Trip.class))
                .uid("trips-of-block");
    }

    private static KafkaSource<Trip> source(
            String bootstrap, String topic, String results, int[] columns, boolean keepRows) {
        return KafkaSource.<Trip>builder()
                .setBootstrapServers(bootstrap)
                .setTopics(topic)
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setDeserializer(new TripSchema(columns, keepRows))
                .setClientIdPrefix(results)
                // The topic's partitions are fixed; a discovery would be noise in every measurement.
                .setProperty("partition.discovery.interval.ms", "-1")
                .build();
    }

    private static KafkaSink<WindowResult> sink(String bootstrap, String results, boolean exactlyOnce) {
        return KafkaSink.<WindowResult>builder()
                .setBootstrapServers(bootstrap)
                .setRecordSerializer(new WindowResultSchema(results))
                .setDeliveryGuarantee(
                        exactlyOnce ? DeliveryGuarantee.EXACTLY_ONCE : DeliveryGuarantee.AT_LEAST_ONCE)
                // The topic of results is one trial's alone, and so are its transactions.
                .setTransactionalIdPrefix(results)
                // The most that a broker allows by default: a transaction must outlive a recovery.
                .setProperty("transaction.timeout.ms", "900000")
                .setProperty("linger.ms", "0")
                .build();
    }

    /** Time is deprecated since 1.20, but its successor is not in 1.18. */
    @SuppressWarnings("deprecation")
    private static TumblingEventTimeWindows tumbling(long windowMs) {
        return TumblingEventTimeWindows.of(Time.milliseconds(windowMs));
    }
}
