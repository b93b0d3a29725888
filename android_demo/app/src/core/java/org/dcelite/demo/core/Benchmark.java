package org.dcelite.demo.core;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Measures the engine on this device: every case with warm-up, a number of runs and a time, and percentiles. */
public class Benchmark {
    /** A kind of work: what the app itself does. */
    public enum Kind {
        /** A camera frame (YUV 4:2:0, interwoven chroma) to RGBA. */
        CAMERA,
        /** A photograph, RGBA, in place. */
        PHOTOGRAPH
    }

    /** What is measured, and what came of it. */
    public static final class Case {
        public final Kind kind;
        public final int width;
        public final int height;
        public final String engine;
        /** 0: one per processor. */
        public final int threads;

        /** Milliseconds to open the model. */
        public double openMs;
        /** Milliseconds of the very first run, which also allocates. */
        public double firstMs;
        /** Milliseconds of the runs after warm-up; null after a failure. */
        public Samples milliseconds;
        /** Mean milliseconds of the stages of {@link FrameEngine}. */
        public final double[] stageMs = new double[FrameEngine.STAGES];
        /** Why there are no times, or null. */
        public String failure;

        public Case(Kind kind, int width, int height, String engine, int threads) {
            this.kind = kind;
            this.width = width;
            this.height = height;
            this.engine = engine;
            this.threads = threads;
        }

        String kindName() {
            return kind == Kind.CAMERA ? "camera" : "photograph";
        }

        String modelName() {
            return engine.equals(LiveSettings.SHIPPED) ? "shipped weights" : engine;
        }
    }

    /** When a case is measured long enough: both minima are reached, or one of the maxima. */
    public static final class Limits {
        public int warmUpRuns = 3;
        public int minRuns = 10;
        public int maxRuns = 1000;
        public double minSeconds = 2;
        public double maxSeconds = 10;
    }

    /** Told before each case, on the thread that measures. */
    public interface Listener {
        void begins(int index, int count, Case next);
    }

    private static final double NANOSECONDS_PER_MS = 1e6;
    /** A tenth of the runs took so much longer than the middle one: something else ran, or the processor got hot. */
    private static final double UNSTEADY = 1.5;

    private final FrameEngine.Factory factory;
    private final Limits limits;
    private volatile boolean cancelled;

    public Benchmark(FrameEngine.Factory factory, Limits limits) {
        this.factory = factory;
        this.limits = limits;
    }

    /** Monotonic time; tests have their own. */
    protected long nanoTime() {
        return System.nanoTime();
    }

    /** Ends {@link #run} after the run under way; from any thread. */
    public void cancel() {
        cancelled = true;
    }

    /** Measures the cases in turn, and returns those that were not cancelled. One that fails has its reason. */
    public List<Case> run(List<Case> cases, Listener listener) {
        final List<Case> measured = new ArrayList<>();
        for (int i = 0; i < cases.size() && !cancelled; i++) {
            final Case next = cases.get(i);
            listener.begins(i, cases.size(), next);
            try {
                measure(next);
            } catch (OutOfMemoryError e) {
                next.failure = "not enough memory";
            } catch (RuntimeException | LinkageError e) {
                next.failure = String.valueOf(e.getMessage());
            }
            if (next.milliseconds != null || next.failure != null) {
                measured.add(next);
            }
        }
        return measured;
    }

    private void measure(Case next) {
        final long begin = nanoTime();
        try (FrameEngine engine = factory.open(next.engine, next.threads)) {
            next.openMs = millisecondsSince(begin);
            final Runnable work = next.kind == Kind.CAMERA ? camera(engine, next) : photograph(engine, next);
            next.firstMs = timed(work);
            for (int i = 0; i < limits.warmUpRuns && !cancelled; i++) {
                work.run();
            }
            final double[] times = new double[limits.maxRuns];
            final long[] stages = new long[FrameEngine.STAGES];
            int count = 0;
            for (double spent = 0; !enough(count, spent); spent += times[count++]) {
                if (cancelled) {
                    return;
                }
                times[count] = timed(work);
                engine.stages(stages);
                for (int i = 0; i < stages.length; i++) {
                    next.stageMs[i] += (stages[i] / NANOSECONDS_PER_MS - next.stageMs[i]) / (count + 1);
                }
            }
            next.milliseconds = new Samples(Arrays.copyOf(times, count));
        }
    }

    private boolean enough(int runs, double spentMs) {
        return runs >= limits.maxRuns || (runs > 0 && spentMs >= 1e3 * limits.maxSeconds)
                || (runs >= limits.minRuns && spentMs >= 1e3 * limits.minSeconds);
    }

    private double timed(Runnable work) {
        final long begin = nanoTime();
        work.run();
        return millisecondsSince(begin);
    }

    private double millisecondsSince(long begin) {
        return (nanoTime() - begin) / NANOSECONDS_PER_MS;
    }

    private static Runnable camera(FrameEngine engine, Case next) {
        final int chromaStride = next.width + next.width % 2;
        final int chromaRows = (next.height + 1) / 2;
        final ByteBuffer luma = darkNoise(next.width * next.height);
        final ByteBuffer u = darkNoise(chromaStride * chromaRows);
        final ByteBuffer v = u.duplicate();
        v.position(1);
        final YuvPlanes planes = new YuvPlanes(luma, next.width, u, v, chromaStride, 2, next.width, next.height);
        final ByteBuffer rgba = ByteBuffer.allocateDirect(4 * next.width * next.height);
        return () -> engine.enhance(planes, rgba, 4 * next.width);
    }

    private static Runnable photograph(FrameEngine engine, Case next) {
        final ByteBuffer rgba = darkNoise(4 * next.width * next.height);
        return () -> engine.enhance(rgba, next.width, next.height);
    }

    // What is in the picture makes no difference to the time; this differs from pixel to pixel all the same.
    private static ByteBuffer darkNoise(int size) {
        final ByteBuffer bytes = ByteBuffer.allocateDirect(size);
        int state = 1;
        for (int i = 0; i < size; i++) {
            state = state * 1664525 + 1013904223;
            bytes.put(i, (byte) (state >>> 26));
        }
        return bytes;
    }

    /** The report as text, with lines about the device and the build above the results. */
    public static String report(List<String> device, List<Case> results) {
        final StringBuilder text = new StringBuilder("dcelite benchmark\n");
        for (String line : device) {
            text.append(line).append('\n');
        }
        for (Case result : results) {
            final String threads = result.threads + (result.threads == 1 ? " thread" : " threads");
            text.append(String.format(Locale.ROOT, "\n%s %dx%d, %s, %s\n",
                    result.kindName(), result.width, result.height, result.modelName(),
                    result.threads == 0 ? "all processors" : threads));
            final Samples ms = result.milliseconds;
            if (ms == null) {
                text.append("  failed: ").append(result.failure).append('\n');
                continue;
            }
            final double median = ms.percentile(50);
            final double[] stages = result.stageMs;
            text.append(String.format(Locale.ROOT, "  ms: p50 %.2f  p90 %.2f  p99 %.2f  min %.2f  mean %.2f  max %.2f\n"
                    + "  %.1f fps, %d runs, opened in %.2f ms, first run %.2f ms\n"
                    + "  stages, ms: convert %.2f  downsample %.2f  network %.2f  curve %.2f\n",
                    median, ms.percentile(90), ms.percentile(99), ms.min, ms.mean, ms.max,
                    1000 / median, ms.count, result.openMs, result.firstMs, stages[FrameEngine.CONVERT],
                    stages[FrameEngine.DOWNSAMPLE], stages[FrameEngine.NETWORK], stages[FrameEngine.CURVE]));
            if (ms.percentile(90) > UNSTEADY * median) {
                text.append("  unsteady: p90 is more than 1.5 times p50\n");
            }
        }
        return text.toString();
    }
}
