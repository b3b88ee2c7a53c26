package cprun.probe;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * The probe for a KafkaSource whose deserializer is somebody else's: it hands every record to that and
 * notes where the source stands.
 *
 * <pre>.setDeserializer(new Probed<>(KafkaRecordDeserializationSchema.valueOnly(new SimpleStringSchema())))</pre>
 */
public final class Probed<T> extends ProbedKafkaSchema<T> {
    private static final long serialVersionUID = 1L;

    private final KafkaRecordDeserializationSchema<T> inner;

    public Probed(KafkaRecordDeserializationSchema<T> inner) {
        this.inner = inner;
    }

    @Override
    public void open(DeserializationSchema.InitializationContext context) throws Exception {
        super.open(context);
        inner.open(context);
    }

    @Override
    protected Outcome read(ConsumerRecord<byte[], byte[]> record, Collector<T> out) {
        try {
            inner.deserialize(record, out);
        } catch (IOException e) {
            // As without the probe: the task fails with it.
            throw new UncheckedIOException(e);
        }
        return Outcome.GOOD;
    }

    @Override
    public TypeInformation<T> getProducedType() {
        return inner.getProducedType();
    }
}
