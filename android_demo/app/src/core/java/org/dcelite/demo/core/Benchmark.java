package org.dcelite.demo.core;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Measures the engine on this device: every case with warm-up, a number of runs and a time, and percentiles. */
public final class Benchmark {
    /** A kind of work: what the app itself does. */
    public enum Kind {
        /** A camera frame (YUV 4:2:0, interwoven chroma) to RGBA. */
        CAMERA,
        /** A photograph, RGBA, in place. */
        PHOTOGRAPH
    }

    /** One line of the report. */
    public static final class Case {
        public final Kind kind;
        public final int width;
        public final int height;
        public final String engine;
        /** 0: one per processor. */
        public final int threads;

        public Case(Kind kind, int width, int height, String engine, int threads) {
            this.kind = kind;
            this.width = width;
            this.height = height;
            this.engine = engine;
            this.threads = threads;
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

    /** What came of a case. */
    public static final class Result {
        public final Case measured;
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

        Result(Case measured) {
            this.measured = measured;
        }
    }

    /** Monotonic time. */
    public interface Clock {
        long nanoseconds();
    }

    /** Told before each case, on the thread that measures. */
    public interface Listener {
        void begins(int index, int count, Case next);
    }

    private static final double NANOSECONDS_PER_MS = 1e6;
    /** A tenth of the runs took so much longer than the middle one: something else ran, or the processor got hot. */
    private static final double UNSTEADY = 1.5;

    private final FrameEngine.Factory factory;
    private final Clock clock;
    private final Limits limits;
    private volatile boolean cancelled;

    public Benchmark(FrameEngine.Factory factory, Clock clock, Limits limits) {
        this.factory = factory;
        this.clock = clock;
        this.limits = limits;
    }

    /** Ends {@link #run} after the run under way; from any thread. */
    public void cancel() {
        cancelled = true;
    }

    /** Measures the cases in turn. A case that fails has its reason; one that was cancelled is left out. */
    public List<Result> run(List<Case> cases, Listener listener) {
        final List<Result> results = new ArrayList<>();
        for (int i = 0; i < cases.size() && !cancelled; i++) {
            final Result result = new Result(cases.get(i));
            listener.begins(i, cases.size(), result.measured);
            try {
                measure(result);
            } catch (OutOfMemoryError e) {
                result.failure = "not enough memory";
            } catch (RuntimeException | LinkageError e) {
                result.failure = String.valueOf(e.getMessage());
            }
            if (result.milliseconds != null || result.failure != null) {
                results.add(result);
            }
        }
        return results;
    }

    private void measure(Result result) {
        final Case next = result.measured;
        final long begin = clock.nanoseconds();
        try (FrameEngine engine = factory.open(next.engine, next.threads)) {
            result.openMs = millisecondsSince(begin);
            final Runnable work = next.kind == Kind.CAMERA ? camera(engine, next) : photograph(engine, next);
            result.firstMs = timed(work);
            for (int i = 0; i < limits.warmUpRuns && !cancelled; i++) {
                work.run();
            }
            double[] times = new double[0];
            final long[] stages = new long[FrameEngine.STAGES];
            for (double spent = 0; !enough(times.length, spent); spent += times[times.length - 1]) {
                if (cancelled) {
                    return;
                }
                times = Arrays.copyOf(times, times.length + 1);
                times[times.length - 1] = timed(work);
                engine.stages(stages);
                for (int i = 0; i < stages.length; i++) {
                    result.stageMs[i] += stages[i] / NANOSECONDS_PER_MS;
                }
            }
            for (int i = 0; i < stages.length; i++) {
                result.stageMs[i] /= times.length;
            }
            result.milliseconds = new Samples(times);
        }
    }

    private boolean enough(int runs, double spentMs) {
        return runs >= limits.maxRuns || (runs > 0 && spentMs >= 1e3 * limits.maxSeconds)
                || (runs >= limits.minRuns && spentMs >= 1e3 * limits.minSeconds);
    }

    private double timed(Runnable work) {
        final long begin = clock.nanoseconds();
        work.run();
        return millisecondsSince(begin);
    }

    private double millisecondsSince(long begin) {
        return (clock.nanoseconds() - begin) / NANOSECONDS_PER_MS;
    }

    private static Runnable camera(FrameEngine engine, Case next) {
        final int chromaStride = next.width + next.width % 2;
        final int chromaRows = (next.height + 1) / 2;
        final ByteBuffer luma = darkNoise(next.width * next.height);
        final ByteBuffer u = darkNoise(chromaStride * chromaRows);
        final ByteBuffer v = u.duplicate();
        v.position(1);
        final YuvPlanes planes = new YuvPlanes(luma, next.width, u, chromaStride, v, chromaStride, 2, next.width, next.height);
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

    /**
     * The report as text.
     *
     * @param device lines about the device and the build, above the results
     */
    public static String report(List<String> device, List<Result> results) {
        final StringBuilder text = new StringBuilder("dcelite benchmark\n");
        for (String line : device) {
            text.append(line).append('\n');
        }
        for (Result result : results) {
            final Case measured = result.measured;
            text.append(String.format(Locale.ROOT, "\n%s %dx%d, %s, %s\n",
                    measured.kind == Kind.CAMERA ? "camera" : "photograph", measured.width, measured.height,
                    measured.engine.isEmpty() ? "shipped weights" : measured.engine,
                    measured.threads == 0 ? "all processors" : measured.threads + (measured.threads == 1 ? " thread" : " threads")));
            if (result.milliseconds == null) {
                text.append("  failed: ").append(result.failure).append('\n');
                continue;
            }
            final Samples ms = result.milliseconds;
            text.append(String.format(Locale.ROOT, "  ms: p50 %.2f  p90 %.2f  p99 %.2f  min %.2f  mean %.2f  max %.2f\n",
                    ms.percentile(50), ms.percentile(90), ms.percentile(99), ms.min, ms.mean, ms.max));
            text.append(String.format(Locale.ROOT, "  %.1f fps, %d runs, opened in %.2f ms, first run %.2f ms\n",
                    1000 / ms.percentile(50), ms.count, result.openMs, result.firstMs));
            text.append(String.format(Locale.ROOT, "  stages, ms: convert %.2f  downsample %.2f  network %.2f  curve %.2f\n",
                    result.stageMs[FrameEngine.CONVERT], result.stageMs[FrameEngine.DOWNSAMPLE],
                    result.stageMs[FrameEngine.NETWORK], result.stageMs[FrameEngine.CURVE]));
            if (ms.percentile(90) > UNSTEADY * ms.percentile(50)) {
                text.append("  unsteady: p90 is more than 1.5 times p50\n");
            }
        }
        return text.toString();
    }
}
