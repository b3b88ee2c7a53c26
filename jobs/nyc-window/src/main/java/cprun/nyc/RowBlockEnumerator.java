package cprun.nyc;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.TreeMap;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

/**
 * Cuts a block into one split for each source subtask of the first start. With another parallelism the
 * job keeps these splits, as it would keep the partitions of a topic.
 */
final class RowBlockEnumerator implements SplitEnumerator<RowBlockSplit, RowBlockEnumerator.Checkpoint> {
    private final SplitEnumeratorContext<RowBlockSplit> context;
    private final int rows;

    /** By index, those that no reader has. What a reader has is in its own part of the checkpoint. */
    private final TreeMap<Integer, RowBlockSplit> unassigned = new TreeMap<>();

    RowBlockEnumerator(SplitEnumeratorContext<RowBlockSplit> context, RowBlock block) {
        this.context = context;
        this.rows = block.rows();
        int count = context.currentParallelism();
        if (count > rows) {
            throw new IllegalArgumentException(
                    "nyc-window: the block has " + rows + " rows, and the source " + count + " subtasks");
        }
        for (int index = 0; index < count; index++) {
            unassigned.put(index, new RowBlockSplit(index, count, 0));
        }
    }

    RowBlockEnumerator(SplitEnumeratorContext<RowBlockSplit> context, RowBlock block, Checkpoint checkpoint) {
        this.context = context;
        this.rows = block.rows();
        if (checkpoint.rows != rows) {
            throw new IllegalArgumentException(
                    "nyc-window: the block has " + rows + " rows, and that of the checkpoint had "
                            + checkpoint.rows + ": offsets mean the same in the same block only");
        }
        addSplitsBack(checkpoint.unassigned, -1);
    }

    @Override
    public void start() {}

    /** What is assigned depends on the indices alone, so that equal starts are alike. */
    @Override
    public void addReader(int subtask) {
        Iterator<RowBlockSplit> splits = unassigned.values().iterator();
        while (splits.hasNext()) {
            RowBlockSplit split = splits.next();
            if (split.index % context.currentParallelism() == subtask) {
                context.assignSplit(split, subtask);
                splits.remove();
            }
        }
        context.sendEventToSourceReader(subtask, new AllAssigned());
    }

    @Override
    public void addSplitsBack(List<RowBlockSplit> splits, int subtask) {
        splits.forEach(split -> unassigned.put(split.index, split));
    }

    @Override
    public void handleSplitRequest(int subtask, String host) {
        // Readers ask for nothing.
    }

    @Override
    public Checkpoint snapshotState(long checkpoint) {
        return new Checkpoint(rows, new ArrayList<>(unassigned.values()));
    }

    @Override
    public void close() {}

    /**
     * Tells a reader that it has all its splits. Flink's own signal for this would end the alignment of
     * watermarks: from 1.19.2 on, as long as FLINK-37670 is open, a subtask that got it hears no more of
     * how far the others are, and waits for them for ever.
     */
    static final class AllAssigned implements SourceEvent {
        private static final long serialVersionUID = 1L;
    }

    static final class Checkpoint {
        private final int rows;
        private final List<RowBlockSplit> unassigned;

        Checkpoint(int rows, List<RowBlockSplit> unassigned) {
            this.rows = rows;
            this.unassigned = unassigned;
        }
    }

    static final class CheckpointSerializer implements SimpleVersionedSerializer<Checkpoint> {
        private final RowBlockSplit.Serializer splits = new RowBlockSplit.Serializer();

        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(Checkpoint checkpoint) throws IOException {
            DataOutputSerializer out = new DataOutputSerializer(64);
            out.writeInt(checkpoint.rows);
            out.writeInt(checkpoint.unassigned.size());
            for (RowBlockSplit split : checkpoint.unassigned) {
                byte[] serialized = splits.serialize(split);
                out.writeInt(serialized.length);
                out.write(serialized);
            }
            return out.getCopyOfBuffer();
        }

        @Override
        public Checkpoint deserialize(int version, byte[] serialized) throws IOException {
            if (version != getVersion()) {
                throw new IOException("unknown version of a block's checkpoint: " + version);
            }
            DataInputDeserializer in = new DataInputDeserializer(serialized);
            int rows = in.readInt();
            int count = in.readInt();
            List<RowBlockSplit> unassigned = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                byte[] split = new byte[in.readInt()];
                in.readFully(split);
                unassigned.add(splits.deserialize(splits.getVersion(), split));
            }
            return new Checkpoint(rows, unassigned);
        }
    }
}
