package cprun.probe;

import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;

/**
 * What one attempt of one source subtask has done, told by the subtask itself: when it was opened,
 * when it handled its first record, how many, and where it stands in each partition.
 *
 * <p>A job that carries it shows a gauge {@value #GAUGE} for each source subtask, whose value is one
 * line of JSON:
 *
 * <pre>{"t":1700000000500,"opened":1700000000000,"first":1700000000200,"attempt":1,"subtask":0,
 * "records":4711,"bad":2,"positions":{"0":2356,"4":2357}}</pre>
 *
 * <ul>
 *   <li>{@code t}: when the gauge was read; {@code opened}: when this attempt was opened; {@code
 *       first}: when its first data record was handled, or null. Epoch milliseconds, by the clock of
 *       the TaskManager's host.
 *   <li>{@code records}, {@code bad}: good and unusable data records of this attempt.
 *   <li>{@code positions}: for each partition the offset after the last record handled; a partition
 *       is absent before its first, and all are where the source has none.
 * </ul>
 *
 * <p>Why at all: Flink's job state says RUNNING seconds before a task handles anything, and its
 * counters do not tell one attempt from the next.
 *
 * <p>Why one string and not a gauge for each figure: Flink fetches metrics one by one into a cache,
 * and several gauges may come from different moments, or attempts. One string is one moment.
 *
 * <p>Why a stamp: after a TaskManager is lost the REST API goes on answering with the last values it
 * has. Only a value that says when it was taken can be told from a repeated one.
 *
 * <p>Cost and threads: the task's thread alone writes, Flink's metrics thread reads. The writes are
 * ordered stores (on x86 and ARM64 nothing dearer than a plain store and no read-modify-write), and
 * nothing is allocated for a record. A reader sees no torn figure; the figures of one value may be
 * apart by the records handled while it was put together. {@code positions} is read last and written
 * first, so it holds at least what {@code records} and {@code bad} have counted.
 */
public final class Probe {
    public static final String GAUGE = "cprun_probe";

    private final int attempt;
    private final int subtask;
    private final long opened;
    private final AtomicLong first = new AtomicLong();
    private final AtomicLong records = new AtomicLong();
    private final AtomicLong bad = new AtomicLong();

    /** By partition; 0 is "none yet", for a next offset is at least 1. Replaced when it must grow. */
    private volatile AtomicLongArray positions = new AtomicLongArray(16);

    private Probe(int attempt, int subtask) {
        this.attempt = attempt;
        this.subtask = subtask;
        this.opened = System.currentTimeMillis();
    }

    /**
     * A probe that shows its gauge in {@code group}, which must lie below an operator's group: attempt
     * and subtask are among the variables of such a group. To be called once when the source is opened.
     */
    public static Probe register(MetricGroup group) {
        Map<String, String> variables = group.getAllVariables();
        Probe probe =
                new Probe(number(variables, "<task_attempt_num>"), number(variables, "<subtask_index>"));
        group.gauge(GAUGE, (Gauge<String>) probe::json);
        return probe;
    }

    /** A good data record was handled. */
    public void record(int partition, long offset) {
        moveTo(partition, offset);
        count(records);
    }

    /** A data record was handled, of a source that has no partitions and offsets. */
    public void record() {
        count(records);
    }

    /** A data record was handled that could not be used. */
    public void bad(int partition, long offset) {
        moveTo(partition, offset);
        count(bad);
    }

    /** A record was handled that is no data: it moves the position and counts nowhere. */
    public void skip(int partition, long offset) {
        moveTo(partition, offset);
    }

    private void moveTo(int partition, long offset) {
        AtomicLongArray at = positions;
        if (partition >= at.length()) {
            at = grown(at, partition);
            positions = at;
        }
        at.lazySet(partition, offset + 1);
    }

    private void count(AtomicLong counter) {
        if (first.get() == 0) {
            first.set(System.currentTimeMillis());
        }
        counter.lazySet(counter.get() + 1);
    }

    private static AtomicLongArray grown(AtomicLongArray old, int partition) {
        AtomicLongArray grown = new AtomicLongArray(Math.max(partition + 1, 2 * old.length()));
        for (int i = 0; i < old.length(); i++) {
            grown.set(i, old.get(i));
        }
        return grown;
    }

    private String json() {
        StringBuilder json = new StringBuilder(256);
        json.append("{\"t\":").append(System.currentTimeMillis());
        json.append(",\"opened\":").append(opened);
        long since = first.get();
        json.append(",\"first\":");
        if (since == 0) {
            json.append("null");
        } else {
            json.append(since);
        }
        json.append(",\"attempt\":").append(attempt);
        json.append(",\"subtask\":").append(subtask);
        json.append(",\"records\":").append(records.get());
        json.append(",\"bad\":").append(bad.get());
        json.append(",\"positions\":{");
        AtomicLongArray at = positions;
        String separator = "\"";
        for (int partition = 0; partition < at.length(); partition++) {
            long next = at.get(partition);
            if (next > 0) {
                json.append(separator).append(partition).append("\":").append(next);
                separator = ",\"";
            }
        }
        return json.append("}}").toString();
    }

    private static int number(Map<String, String> variables, String name) {
        String value = variables.get(name);
        if (value == null) {
            throw new IllegalArgumentException(
                    "the probe needs a metric group below an operator's: " + name + " is not among its variables");
        }
        return Integer.parseInt(value);
    }
}
