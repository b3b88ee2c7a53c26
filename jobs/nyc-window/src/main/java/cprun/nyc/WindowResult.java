package cprun.nyc;

/** What came of one window of one zone. A POJO for the reason given at {@link Trip}. */
public class WindowResult {
    public long windowStartEpochMs;
    public int zone;
    public long count;
    public long cents;

    public WindowResult() {}

    WindowResult(long windowStartEpochMs, int zone, long count, long cents) {
        this.windowStartEpochMs = windowStartEpochMs;
        this.zone = zone;
        this.count = count;
        this.cents = cents;
    }
}
