package cprun.nyc;

import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.time.Duration;
import java.util.Arrays;
import org.apache.flink.core.fs.Path;

/**
 * A file of rows in the order of their pickup times, one a line and no header, that a source reads over
 * and over. Every time around, its rows are {@link #spanMs} later than the time before.
 *
 * <p>The span is in whole days, so that a row keeps its time of day, and with that its place in a window
 * of a length that divides a day; and it is no less than what the file covers, so that time does not go
 * back where the file begins again.
 */
final class RowBlock implements Serializable {
    private static final long serialVersionUID = 1L;

    private static final long DAY_MS = 86_400_000;
    private static final int READ_AT_ONCE = 1 << 20;

    /** Longest array that every JVM can make. */
    private static final long LONGEST = Integer.MAX_VALUE - 8;

    private final String path;
    private final int rows;
    private final long bytes;
    private final long spanMs;

    private RowBlock(String path, int rows, long bytes, long spanMs) {
        this.path = path;
        this.rows = rows;
        this.bytes = bytes;
        this.spanMs = spanMs;
    }

    /** Lines of the file, bad rows among them. */
    int rows() {
        return rows;
    }

    long spanMs() {
        return spanMs;
    }

    /** The event time that so many rows take, on the whole. */
    Duration covers(long rows) {
        return Duration.ofMillis((long) ((double) spanMs * rows / this.rows));
    }

    /**
     * Looks through the whole file, so that a wrong one is an error of the submission and not of a running
     * job. A row may be as much earlier than one before it as the watermark stays behind; bad rows are
     * left to the source, as those of a topic are.
     */
    static RowBlock examine(String path, TripParser parser, long outOfOrdernessMs) throws IOException {
        Examination found = new Examination(path, parser, outOfOrdernessMs);
        long bytes = eachLine(path, found);
        if (found.rows == found.bad) {
            throw wrong(path, "has no good row (of " + found.rows + "): has --columns the right positions?");
        }
        long days = Math.max(1, (found.latest - found.earliest + DAY_MS - 1) / DAY_MS);
        return new RowBlock(path, found.rows, bytes, days * DAY_MS);
    }

    /** Rows {@code index}, {@code index + count}, {@code index + 2 count} and so on, in memory. */
    Share share(int index, int count) throws IOException {
        Share share = new Share(index, count, (rows - index + count - 1) / count, bytes / count);
        eachLine(path, share);
        if (share.line != rows) {
            throw wrong(path, "has " + share.line + " rows, and had " + rows + " when the job was submitted");
        }
        return share;
    }

    private static IllegalArgumentException wrong(String path, String what) {
        return new IllegalArgumentException("nyc-window: block " + path + " " + what);
    }

    /** Takes a line without its newline: the bytes of {@code buffer} between the two positions. */
    private interface Lines {
        void line(byte[] buffer, int from, int to);
    }

    /** Returns how many bytes the file has. */
    private static long eachLine(String path, Lines lines) throws IOException {
        Path file = new Path(path);
        byte[] buffer = new byte[READ_AT_ONCE];
        long bytes = 0;
        int kept = 0;
        try (InputStream in = file.getFileSystem().open(file)) {
            while (true) {
                int read = in.read(buffer, kept, buffer.length - kept);
                if (read < 0) {
                    break;
                }
                bytes += read;
                int end = kept + read;
                int from = 0;
                for (int at = kept; at < end; at++) {
                    if (buffer[at] == '\n') {
                        lines.line(buffer, from, at);
                        from = at + 1;
                    }
                }
                kept = end - from;
                System.arraycopy(buffer, from, buffer, 0, kept);
                if (kept == buffer.length) {
                    buffer = Arrays.copyOf(buffer, 2 * kept);
                }
            }
        }
        if (kept > 0) {
            lines.line(buffer, 0, kept);
        }
        return bytes;
    }

    private static final class Examination implements Lines {
        private final String path;
        private final TripParser parser;
        private final long outOfOrdernessMs;
        private int rows;
        private int bad;
        private long earliest = Long.MAX_VALUE;
        private long latest = Long.MIN_VALUE;

        Examination(String path, TripParser parser, long outOfOrdernessMs) {
            this.path = path;
            this.parser = parser;
            this.outOfOrdernessMs = outOfOrdernessMs;
        }

        @Override
        public void line(byte[] buffer, int from, int to) {
            rows = Math.addExact(rows, 1);
            Trip trip = parser.trip(Arrays.copyOfRange(buffer, from, to));
            if (trip == null) {
                bad++;
                return;
            }
            earliest = Math.min(earliest, trip.pickupEpochMs);
            latest = Math.max(latest, trip.pickupEpochMs);
            if (trip.pickupEpochMs < latest - outOfOrdernessMs) {
                throw wrong(
                        path,
                        "is not in the order of pickup times: row " + rows + " is "
                                + (latest - trip.pickupEpochMs)
                                + " ms before one above it, more than --out-of-orderness-ms " + outOfOrdernessMs);
            }
        }
    }

    /** One split's rows, all in one array: a million objects would be work for the garbage collector. */
    static final class Share implements Lines {
        private final int index;
        private final int count;
        private final int[] ends;
        private byte[] bytes;
        private int used;
        private int kept;
        private int line;

        private Share(int index, int count, int rows, long expectedBytes) {
            this.index = index;
            this.count = count;
            this.ends = new int[rows];
            // Rows differ little in length, so this is nearly always enough.
            this.bytes = new byte[(int) Math.min(LONGEST, expectedBytes + expectedBytes / 50 + 1024)];
        }

        @Override
        public void line(byte[] buffer, int from, int to) {
            // More rows than there were are told by the block.
            if (line++ % count != index || kept == ends.length) {
                return;
            }
            long needed = (long) used + to - from;
            if (needed > LONGEST) {
                throw new IllegalArgumentException(
                        "nyc-window: the rows of one source subtask are more than 2 GiB: "
                                + "take a smaller block or a higher parallelism");
            }
            if (needed > bytes.length) {
                bytes = Arrays.copyOf(bytes, (int) Math.min(LONGEST, needed + needed / 4));
            }
            System.arraycopy(buffer, from, bytes, used, to - from);
            used = (int) needed;
            ends[kept++] = used;
        }

        int rows() {
            return ends.length;
        }

        /** A copy, which is the trip's own, as the value of a Kafka record is. */
        byte[] row(int at) {
            return Arrays.copyOfRange(bytes, at == 0 ? 0 : ends[at - 1], ends[at]);
        }
    }
}
