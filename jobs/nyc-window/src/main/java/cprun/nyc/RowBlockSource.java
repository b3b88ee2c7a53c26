package cprun.nyc;

import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * The rows of a block, over and over and as fast as the job takes them: what the job can do at most,
 * with no broker beside it that would take the cores for serving the rows.
 */
final class RowBlockSource implements Source<Trip, RowBlockSplit, RowBlockEnumerator.Checkpoint> {
    private static final long serialVersionUID = 1L;

    private final RowBlock block;
    private final int[] columns;
    private final boolean keepRows;

    RowBlockSource(RowBlock block, int[] columns, boolean keepRows) {
        this.block = block;
        this.columns = columns;
        this.keepRows = keepRows;
    }

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.CONTINUOUS_UNBOUNDED;
    }

    @Override
    public SourceReader<Trip, RowBlockSplit> createReader(SourceReaderContext context) {
        return new RowBlockReader(context, block, TripParser.of(columns, keepRows));
    }

    @Override
    public SplitEnumerator<RowBlockSplit, RowBlockEnumerator.Checkpoint> createEnumerator(
            SplitEnumeratorContext<RowBlockSplit> context) {
        return new RowBlockEnumerator(context, block);
    }

    @Override
    public SplitEnumerator<RowBlockSplit, RowBlockEnumerator.Checkpoint> restoreEnumerator(
            SplitEnumeratorContext<RowBlockSplit> context, RowBlockEnumerator.Checkpoint checkpoint) {
        return new RowBlockEnumerator(context, block, checkpoint);
    }

    @Override
    public SimpleVersionedSerializer<RowBlockSplit> getSplitSerializer() {
        return new RowBlockSplit.Serializer();
    }

    @Override
    public SimpleVersionedSerializer<RowBlockEnumerator.Checkpoint> getEnumeratorCheckpointSerializer() {
        return new RowBlockEnumerator.CheckpointSerializer();
    }
}
