package ticks;

import cprun.probe.Probed;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;

/** A KafkaSource with the probe, as docs/any-job.md has it; compiled, and never loaded. */
final class Lines {
    private Lines() {}

    static KafkaSource<String> of(String bootstrap, String topic) {
        return KafkaSource.<String>builder()
                .setBootstrapServers(bootstrap)
                .setTopics(topic)
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setDeserializer(new Probed<>(KafkaRecordDeserializationSchema.valueOnly(new SimpleStringSchema())))
                .build();
    }
}
