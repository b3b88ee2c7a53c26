package cprun.probe;

import org.apache.flink.api.common.functions.RichFilterFunction;
import org.apache.flink.configuration.Configuration;

/**
 * Lets every record pass and counts it with a {@link Probe}: the probe for a source that is no
 * KafkaSource. It must stand right behind the source and be chained to it, so that its gauge is one of
 * the source's vertex:
 *
 * <pre>env.fromSource(source, watermarks, "name").filter(new ProbeFilter<>())</pre>
 *
 * <p>It knows no positions, so that there is no lag, no rework and no catch-up; when an attempt handled
 * its first record and how many it has handled is exact.
 *
 * <p>A filter, because it keeps the type of its stream: nothing has to be told about types.
 */
public final class ProbeFilter<T> extends RichFilterFunction<T> {
    private static final long serialVersionUID = 1L;

    private transient Probe probe;

    /** Deprecated since 1.19, but its successor is not in 1.18; both are called in all of 1.x. */
    @Override
    @SuppressWarnings("deprecation")
    public void open(Configuration parameters) {
        probe = Probe.register(getRuntimeContext().getMetricGroup());
    }

    @Override
    public boolean filter(T value) {
        probe.record();
        return true;
    }
}
