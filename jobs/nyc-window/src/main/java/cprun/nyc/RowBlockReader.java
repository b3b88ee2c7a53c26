package cprun.nyc;

import cprun.probe.Probe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.core.io.InputStatus;

/**
 * Hands out the rows of its splits in turns, as fast as they are taken. A row is parsed anew each time,
 * by the parser that reads rows from Kafka, so that it costs what a row from Kafka costs, less its
 * fetch; and a bad one is counted and dropped as one from Kafka is.
 *
 * <p>One row a call, however little that is: between two calls a task does what else it has to do,
 * checkpoints first of all. Everything here is called by the task's own thread.
 */
final class RowBlockReader implements SourceReader<Trip, RowBlockSplit> {
    private final RowBlock block;
    private final TripParser parser;
    private final Probe probe;
    private final List<Cursor> cursors = new ArrayList<>();
    private int turn;
    private boolean outputsMissing;
    private boolean allAssigned;

    /** Ends when there may be something to do; replaced when that has been looked at. */
    private CompletableFuture<Void> woken = new CompletableFuture<>();

    RowBlockReader(SourceReaderContext context, RowBlock block, TripParser parser) {
        this.block = block;
        this.parser = parser;
        this.probe = Probe.register(context.metricGroup());
    }

    @Override
    public void start() {}

    @Override
    public void addSplits(List<RowBlockSplit> splits) {
        for (RowBlockSplit split : splits) {
            cursors.add(new Cursor(split));
        }
        outputsMissing = true;
        woken.complete(null);
    }

    @Override
    public void handleSourceEvents(SourceEvent event) {
        allAssigned |= event instanceof RowBlockEnumerator.AllAssigned;
        woken.complete(null);
    }

    @Override
    public void notifyNoMoreSplits() {
        // Is not used: see AllAssigned.
    }

    @Override
    public void pauseOrResumeSplits(Collection<String> pause, Collection<String> resume) {
        for (Cursor cursor : cursors) {
            cursor.paused = (cursor.paused || pause.contains(cursor.id)) && !resume.contains(cursor.id);
        }
        woken.complete(null);
    }

    @Override
    public InputStatus pollNext(ReaderOutput<Trip> output) {
        if (outputsMissing) {
            openOutputs(output);
        }
        for (int tried = 0; tried < cursors.size(); tried++) {
            turn = turn + 1 < cursors.size() ? turn + 1 : 0;
            Cursor cursor = cursors.get(turn);
            if (!cursor.paused) {
                cursor.emit();
                return InputStatus.MORE_AVAILABLE;
            }
        }
        if (allAssigned && cursors.isEmpty()) {
            // There are fewer splits than subtasks: this one must not hold back the windows of the others.
            output.markIdle();
        }
        if (woken.isDone()) {
            woken = new CompletableFuture<>();
        }
        return InputStatus.NOTHING_AVAILABLE;
    }

    /**
     * All at once and before the first row, because a split takes part in the watermark from its output
     * on, and not at once by itself on Flink 1.18 (see {@link SplitsFirst}).
     */
    private void openOutputs(ReaderOutput<Trip> output) {
        for (Cursor cursor : cursors) {
            cursor.output = output.createOutputForSplit(cursor.id);
        }
        outputsMissing = false;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        return woken;
    }

    @Override
    public List<RowBlockSplit> snapshotState(long checkpoint) {
        List<RowBlockSplit> splits = new ArrayList<>();
        cursors.forEach(cursor -> splits.add(cursor.split()));
        return splits;
    }

    @Override
    public void close() {}

    /** Where the reader stands in one split. */
    private final class Cursor {
        private final String id;
        private final int index;
        private final int count;
        private final RowBlock.Share rows;
        private long offset;

        /** Which row that is, and how much later it is this time. */
        private int at;

        private long shiftMs;
        private boolean paused;
        private SourceOutput<Trip> output;

        Cursor(RowBlockSplit split) {
            id = split.splitId();
            index = split.index;
            count = split.count;
            try {
                rows = block.share(index, count);
            } catch (IOException e) {
                throw new UncheckedIOException("nyc-window: the block cannot be read", e);
            }
            offset = split.offset;
            at = (int) (offset % rows.rows());
            shiftMs = offset / rows.rows() * block.spanMs();
        }

        void emit() {
            Trip trip = parser.trip(rows.row(at));
            if (trip == null) {
                probe.bad(index, offset);
            } else {
                trip.pickupEpochMs += shiftMs;
                output.collect(trip);
                probe.record(index, offset);
            }
            offset++;
            at++;
            if (at == rows.rows()) {
                at = 0;
                shiftMs += block.spanMs();
            }
        }

        RowBlockSplit split() {
            return new RowBlockSplit(index, count, offset);
        }
    }
}
