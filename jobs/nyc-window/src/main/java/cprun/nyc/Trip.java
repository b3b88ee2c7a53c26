package cprun.nyc;

/**
 * One row, as it travels through the job: when, where, how much, and the row itself.
 *
 * <p>A POJO by Flink's rules (public class, fields and constructor), so that it is serialized field
 * by field and never by Kryo, whose cost would be a part of every figure.
 */
public class Trip {
    /** The zone of a flush record: no zone of the data, which are not negative. */
    public static final int FLUSH = -1;

    static final byte[] NO_ROW = {};

    public long pickupEpochMs;
    public int zone;
    public long cents;

    /** The CSV row as it came, where the window keeps its rows; else empty. */
    public byte[] row;

    public Trip() {}

    Trip(long pickupEpochMs, int zone, long cents, byte[] row) {
        this.pickupEpochMs = pickupEpochMs;
        this.zone = zone;
        this.cents = cents;
        this.row = row;
    }

    static Trip flush(long epochMs) {
        return new Trip(epochMs, FLUSH, 0, NO_ROW);
    }

    boolean isFlush() {
        return zone == FLUSH;
    }
}
