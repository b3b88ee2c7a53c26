package cprun.nyc;

import java.nio.charset.StandardCharsets;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * Result to Kafka record: key the zone as decimal text, value one line of JSON.
 *
 * <p>No timestamp is set: the topic's LogAppendTime is when the result was written.
 */
final class WindowResultSchema implements KafkaRecordSerializationSchema<WindowResult> {
    private static final long serialVersionUID = 1L;

    private final String topic;

    WindowResultSchema(String topic) {
        this.topic = topic;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(
            WindowResult result, KafkaSinkContext context, Long timestamp) {
        String key = Integer.toString(result.zone);
        String value =
                "{\"w\":" + result.windowStartEpochMs
                        + ",\"z\":" + result.zone
                        + ",\"n\":" + result.count
                        + ",\"c\":" + result.cents
                        + "}";
        return new ProducerRecord<>(
                topic,
                key.getBytes(StandardCharsets.US_ASCII),
                value.getBytes(StandardCharsets.US_ASCII));
    }
}
