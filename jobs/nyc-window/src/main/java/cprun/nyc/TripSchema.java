package cprun.nyc;

import cprun.probe.ProbedKafkaSchema;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Kafka record to trip. Bad rows are counted by the probe and dropped here. Flush records go on as
 * trips, because only a record that leaves the source moves the watermark of its partition; the job
 * drops them right behind the source.
 */
final class TripSchema extends ProbedKafkaSchema<Trip> {
    private static final long serialVersionUID = 1L;

    private final int[] columns;
    private final boolean keepRow;
    private transient TripParser parser;

    TripSchema(int[] columns, boolean keepRow) {
        this.columns = columns;
        this.keepRow = keepRow;
    }

    @Override
    public void open(DeserializationSchema.InitializationContext context) throws Exception {
        super.open(context);
        parser = TripParser.of(columns, keepRow);
    }

    @Override
    protected Outcome read(ConsumerRecord<byte[], byte[]> record, Collector<Trip> out) {
        boolean flush = TripParser.isFlush(record.key());
        Trip trip = flush ? TripParser.flush(record.value()) : parser.trip(record.value());
        if (trip == null) {
            return Outcome.BAD;
        }
        out.collect(trip);
        return flush ? Outcome.SIGNAL : Outcome.GOOD;
    }

    @Override
    public TypeInformation<Trip> getProducedType() {
        return TypeInformation.of(Trip.class);
    }
}
