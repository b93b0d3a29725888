package org.dcelite.demo.core;

import java.nio.ByteBuffer;
import java.util.ArrayList;
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
        public static final Limits DEFAULTS = new Limits(3, 10, 1000, 2, 10);

        final int warmUpRuns;
        final int minRuns;
        final int maxRuns;
        final long minNanoseconds;
        final long maxNanoseconds;

        public Limits(int warmUpRuns, int minRuns, int maxRuns, double minSeconds, double maxSeconds) {
            if (warmUpRuns < 0 || minRuns < 1 || maxRuns < minRuns || !(minSeconds >= 0) || !(maxSeconds >= minSeconds)) {
                throw new IllegalArgumentException("limits: " + warmUpRuns + " warm-up, " + minRuns + " to " + maxRuns
                        + " runs, " + minSeconds + " to " + maxSeconds + " s");
            }
            this.warmUpRuns = warmUpRuns;
            this.minRuns = minRuns;
            this.maxRuns = maxRuns;
            minNanoseconds = (long) (minSeconds * 1e9);
            maxNanoseconds = (long) (maxSeconds * 1e9);
        }
    }

    /** What came of a case. */
    public static final class Result {
        public final Case measured;
        /** Milliseconds to open the model. */
        public final double openMs;
        /** Milliseconds of the very first run, which also allocates. */
        public final double firstMs;
        /** Milliseconds of the runs after warm-up; null after a failure. */
        public final Samples milliseconds;
        /** Mean milliseconds of the stages of {@link FrameEngine}. */
        public final double[] stageMs;
        /** Why there are no times, or null. */
        public final String failure;

        Result(Case measured, double openMs, double firstMs, Samples milliseconds, double[] stageMs, String failure) {
            this.measured = measured;
            this.openMs = openMs;
            this.firstMs = firstMs;
            this.milliseconds = milliseconds;
            this.stageMs = stageMs;
            this.failure = failure;
        }

        /** A tenth of the runs took half as long again as the middle one: something else ran, or the processor got hot. */
        public boolean unsteady() {
            return milliseconds != null && milliseconds.percentile(90) > UNSTEADY * milliseconds.percentile(50);
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
            final Case next = cases.get(i);
            listener.begins(i, cases.size(), next);
            Result result;
            try {
                result = measure(next);
            } catch (OutOfMemoryError e) {
                result = new Result(next, 0, 0, null, null, "not enough memory");
            } catch (RuntimeException | LinkageError e) {
                result = new Result(next, 0, 0, null, null, String.valueOf(e.getMessage()));
            }
            if (result != null) {
                results.add(result);
            }
        }
        return results;
    }

    // Null where cancelled.
    private Result measure(Case next) {
        final long begin = clock.nanoseconds();
        try (FrameEngine engine = factory.open(next.engine, next.threads)) {
            final double openMs = (clock.nanoseconds() - begin) / NANOSECONDS_PER_MS;
            final Runnable work = next.kind == Kind.CAMERA ? camera(engine, next) : photograph(engine, next);
            final double firstMs = timed(work) / NANOSECONDS_PER_MS;
            for (int i = 0; i < limits.warmUpRuns && !cancelled; i++) {
                work.run();
            }
            final List<Double> times = new ArrayList<>();
            final long[] stages = new long[FrameEngine.STAGES];
            final double[] stageMs = new double[FrameEngine.STAGES];
            long spent = 0;
            while (!enough(times.size(), spent)) {
                if (cancelled) {
                    return null;
                }
                final long time = timed(work);
                spent += time;
                times.add(time / NANOSECONDS_PER_MS);
                engine.stages(stages);
                for (int i = 0; i < stages.length; i++) {
                    stageMs[i] += stages[i] / NANOSECONDS_PER_MS;
                }
            }
            final double[] values = new double[times.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = times.get(i);
            }
            for (int i = 0; i < stageMs.length; i++) {
                stageMs[i] /= values.length;
            }
            return new Result(next, openMs, firstMs, new Samples(values), stageMs, null);
        }
    }

    private boolean enough(int runs, long spent) {
        return runs >= limits.maxRuns || (runs > 0 && spent >= limits.maxNanoseconds)
                || (runs >= limits.minRuns && spent >= limits.minNanoseconds);
    }

    private long timed(Runnable work) {
        final long begin = clock.nanoseconds();
        work.run();
        return clock.nanoseconds() - begin;
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
            final String threads = measured.threads == 1 ? "1 thread" : measured.threads + " threads";
            text.append(String.format(Locale.ROOT, "\n%s %dx%d, %s, %s\n",
                    measured.kind == Kind.CAMERA ? "camera" : "photograph", measured.width, measured.height,
                    measured.engine.isEmpty() ? "shipped weights" : measured.engine,
                    measured.threads == 0 ? "all processors" : threads));
            if (result.milliseconds == null) {
                text.append("  failed: ").append(result.failure).append('\n');
                continue;
            }
            final Samples ms = result.milliseconds;
            text.append(String.format(Locale.ROOT, "  ms: p50 %.2f  p90 %.2f  p99 %.2f  min %.2f  mean %.2f  max %.2f\n",
                    ms.percentile(50), ms.percentile(90), ms.percentile(99), ms.min(), ms.mean(), ms.max()));
            text.append(String.format(Locale.ROOT, "  %.1f fps, %d runs, opened in %.2f ms, first run %.2f ms\n",
                    1000 / ms.percentile(50), ms.count(), result.openMs, result.firstMs));
            text.append(String.format(Locale.ROOT, "  stages, ms: convert %.2f  downsample %.2f  network %.2f  curve %.2f\n",
                    result.stageMs[FrameEngine.CONVERT], result.stageMs[FrameEngine.DOWNSAMPLE],
                    result.stageMs[FrameEngine.NETWORK], result.stageMs[FrameEngine.CURVE]));
            if (result.unsteady()) {
                text.append("  unsteady: p90 is more than 1.5 times p50\n");
            }
        }
        return text.toString();
    }
}
