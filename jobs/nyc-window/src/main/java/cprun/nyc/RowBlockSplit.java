package cprun.nyc;

import java.io.IOException;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

/**
 * Of {@code count} splits of a block the one with rows {@code index}, {@code index + count} and so on;
 * {@code offset} is that of the record to come next. Offsets go on from one time around to the next, so
 * that a split looks like a partition that never ends.
 */
final class RowBlockSplit implements SourceSplit {
    final int index;
    final int count;
    final long offset;

    RowBlockSplit(int index, int count, long offset) {
        this.index = index;
        this.count = count;
        this.offset = offset;
    }

    @Override
    public String splitId() {
        return Integer.toString(index);
    }

    @Override
    public String toString() {
        return "split " + index + " of " + count + " at " + offset;
    }

    static final class Serializer implements SimpleVersionedSerializer<RowBlockSplit> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(RowBlockSplit split) throws IOException {
            DataOutputSerializer out = new DataOutputSerializer(16);
            out.writeInt(split.index);
            out.writeInt(split.count);
            out.writeLong(split.offset);
            return out.getCopyOfBuffer();
        }

        @Override
        public RowBlockSplit deserialize(int version, byte[] serialized) throws IOException {
            if (version != getVersion()) {
                throw new IOException("unknown version of a block's split: " + version);
            }
            DataInputDeserializer in = new DataInputDeserializer(serialized);
            return new RowBlockSplit(in.readInt(), in.readInt(), in.readLong());
        }
    }
}
