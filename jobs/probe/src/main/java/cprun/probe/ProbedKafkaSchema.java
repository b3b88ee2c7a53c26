package cprun.probe;

import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * A deserialization schema for KafkaSource that carries a {@link Probe}: a job extends it, says in
 * {@link #read} what each record was, and needs to do nothing more.
 *
 * <p>It sits in the schema because KafkaSource calls that in the task's own thread, record by record
 * as they leave the source (its fetcher threads run ahead of it), and with partition and offset at
 * hand: the probe's position is the one that a checkpoint at that moment would hold.
 *
 * <p>One topic: positions are kept by partition alone.
 */
public abstract class ProbedKafkaSchema<T> implements KafkaRecordDeserializationSchema<T> {
    private static final long serialVersionUID = 1L;

    /** What a record was. */
    protected enum Outcome {
        /** Data, handed on. */
        GOOD,
        /** Data that could not be used. */
        BAD,
        /** A signal among the data, to be counted nowhere. */
        SIGNAL
    }

    private transient Probe probe;

    /** Hands on what {@code record} holds and says what it was. */
    protected abstract Outcome read(ConsumerRecord<byte[], byte[]> record, Collector<T> out);

    @Override
    public void open(DeserializationSchema.InitializationContext context) throws Exception {
        probe = Probe.register(context.getMetricGroup());
    }

    @Override
    public final void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<T> out) {
        switch (read(record, out)) {
            case GOOD:
                probe.record(record.partition(), record.offset());
                break;
            case BAD:
                probe.bad(record.partition(), record.offset());
                break;
            default:
                probe.skip(record.partition(), record.offset());
        }
    }
}
