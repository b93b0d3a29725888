import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.dcelite.DceliteException;
import org.dcelite.Exceptions;
import org.dcelite.demo.core.Benchmark;
import org.dcelite.demo.core.BenchmarkSamples;
import org.dcelite.demo.core.FrameEngine;
import org.dcelite.demo.core.YuvPlanes;

/** The benchmark, by a clock that only the engine of this test moves. */
public final class BenchmarkTest {
    private static Benchmark.Case camera() {
        return new Benchmark.Case(Benchmark.Kind.CAMERA, 15, 9, "", 2);
    }

    private static Benchmark.Case photograph() {
        return new Benchmark.Case(Benchmark.Kind.PHOTOGRAPH, 8, 6, "int8.dce", 0);
    }

    private long now;
    private int runs;
    private int closed;
    private long[] durations = {10};  // milliseconds; the last one stays
    private Benchmark benchmark;
    private int cancelAt = Integer.MAX_VALUE;
    private int failAt = Integer.MAX_VALUE;

    private final class Engine implements FrameEngine {
        Engine(String name) {
            now += 3_000_000;
            if (name.equals("absent")) {
                throw Exceptions.of(DceliteException.FILE, "absent: is not there");
            }
        }

        private void work() {
            now += 1_000_000 * durations[Math.min(runs, durations.length - 1)];
            runs++;
            if (runs == cancelAt) {
                benchmark.cancel();
            }
            if (runs == failAt) {
                throw new OutOfMemoryError();
            }
        }

        @Override
        public void enhance(YuvPlanes frame, ByteBuffer rgba, int stride) {
            Check.equal(15, frame.width);
            Check.equal(9, frame.height);
            Check.equal(2, frame.pixelStride);
            Check.that(rgba.isDirect() && rgba.remaining() == 4 * 15 * 9 && stride == 60, "destination");
            work();
        }

        @Override
        public void convert(YuvPlanes frame, ByteBuffer rgba, int stride) {
            throw new AssertionError("not measured");
        }

        @Override
        public void enhance(ByteBuffer rgba, int width, int height) {
            Check.that(rgba.isDirect() && rgba.remaining() == 4 * 8 * 6 && width == 8 && height == 6, "photograph");
            work();
        }

        @Override
        public void set(float strength, float smoothing, float denoise) {
            throw new AssertionError("each frame is measured on its own");
        }

        @Override
        public void stages(long[] nanoseconds) {
            nanoseconds[NETWORK] = 4_000_000;
            nanoseconds[CURVE] = runs % 2 == 0 ? 1_000_000 : 3_000_000;
        }

        @Override
        public void close() {
            closed++;
        }
    }

    private List<Benchmark.Case> run(Benchmark.Limits limits, Benchmark.Case... cases) {
        benchmark = new Benchmark((engine, threads) -> new Engine(engine), limits) {
            @Override
            protected long nanoTime() {
                return now;
            }
        };
        final List<Integer> begun = new ArrayList<>();
        final List<Benchmark.Case> results = benchmark.run(Arrays.asList(cases), (index, count, next) -> {
            Check.equal(cases.length, count);
            begun.add(index);
        });
        for (int i = 0; i < begun.size(); i++) {
            Check.equal(i, begun.get(i));
        }
        return results;
    }

    static Benchmark.Limits limits(int warmUpRuns, int minRuns, int maxRuns, double minSeconds, double maxSeconds) {
        final Benchmark.Limits limits = new Benchmark.Limits();
        limits.warmUpRuns = warmUpRuns;
        limits.minRuns = minRuns;
        limits.maxRuns = maxRuns;
        limits.minSeconds = minSeconds;
        limits.maxSeconds = maxSeconds;
        return limits;
    }

    public void firstAndWarmUpRunsAreNotAmongTheSamples() {
        durations = new long[] {500, 90, 80, 70, 10};
        final Benchmark.Case result = run(limits(3, 20, 100, 0, 10), camera()).get(0);
        Check.near(3, result.openMs, 1e-9);
        Check.near(500, result.firstMs, 1e-9);
        Check.equal(20, result.milliseconds.count);
        Check.near(10, result.milliseconds.max, 1e-9);
        Check.equal(24, runs);
        Check.near(4, result.stageMs[FrameEngine.NETWORK], 1e-9);
        Check.near(2, result.stageMs[FrameEngine.CURVE], 1e-9);
        Check.equal(1, closed);
        Check.that(!Benchmark.report(Collections.emptyList(), Arrays.asList(result)).contains("unsteady"), "steady");
    }

    public void limits() {
        Check.equal(200, count(limits(0, 10, 1000, 2, 10)));  // seconds reach further than runs
        Check.equal(10, count(limits(0, 10, 1000, 0.05, 10)));  // and the other way round
        Check.equal(30, count(limits(0, 10, 30, 2, 10)));
        Check.equal(1, count(limits(0, 10, 1000, 0, 0)));
        durations = new long[] {4000};
        Check.equal(3, count(limits(0, 10, 1000, 2, 10)));
        durations = new long[] {400_000};
        Check.equal(1, count(limits(0, 10, 1000, 2, 10)));
    }

    private int count(Benchmark.Limits limits) {
        return run(limits, photograph()).get(0).milliseconds.count;
    }

    public void cancelling() {
        cancelAt = 35;
        final List<Benchmark.Case> results = run(limits(0, 20, 20, 0, 1), camera(), photograph(), camera());
        Check.equal(1, results.size());
        Check.equal(35, runs);
        Check.equal(2, closed);
    }

    public void aCaseThatFailsHasItsReasonAndTheNextIsMeasured() {
        failAt = 8;
        final Benchmark.Case absent = new Benchmark.Case(Benchmark.Kind.CAMERA, 15, 9, "absent", 1);
        final List<Benchmark.Case> results = run(limits(2, 5, 5, 0, 1), absent, camera(), photograph());
        Check.equal("absent: is not there", results.get(0).failure);
        Check.equal("not enough memory", results.get(1).failure);
        Check.equal(null, results.get(1).milliseconds);
        Check.equal(5, results.get(2).milliseconds.count);
        Check.equal(2, closed);
    }

    public void samples() {
        final List<Benchmark.Case> results = run(limits(0, 2, 2, 0, 10), camera(), photograph(),
                new Benchmark.Case(Benchmark.Kind.CAMERA, 15, 9, "absent", 1));
        final String json = BenchmarkSamples.of(results, limits(0, 2, 2, 0, 10), "0.1.0", "2026-01-02T03:04:05Z",
                new long[] {5, 7}, 8, Collections.singletonMap("ro.product.model", "a \"phone\""),
                Collections.singletonMap("/proc/meminfo", "MemTotal: 2 kB\n"));
        System.out.println("samples: " + json.replace("\n", " "));
        Check.that(json.contains("{\"model\": \"shipped weights\", \"label\": \"camera, shipped weights\", "), json);
        Check.that(json.contains("\"threads\": 8, \"load_ms\": 3.000000, \"first_ms\": 10.000000, \"stage_runs_ms\": "
                + "{\"convert\": [0.000000], "), json);
        Check.that(json.contains("\"samples\": [[\"run\", 0, 10.000000], [\"run\", 0, 10.000000]]}"), json);
        Check.that(json.contains("\"reason\": \"absent: is not there\", \"samples\": []}"), json);
    }

    public void report() {
        durations = new long[] {40, 10, 10, 10, 10, 10, 10, 10, 10, 20, 20};
        final List<Benchmark.Case> results = run(limits(0, 10, 10, 0, 10), camera());
        runs = 0;
        durations = new long[] {10};
        results.addAll(run(limits(0, 10, 10, 0, 10), photograph(),
                new Benchmark.Case(Benchmark.Kind.CAMERA, 15, 9, "absent", 1)));
        Check.equal("dcelite benchmark\na phone\nAndroid\n"
                + "\ncamera 15x9, shipped weights, 2 threads\n"
                + "  ms: p50 10.00  p90 20.00  p99 20.00  min 10.00  mean 12.00  max 20.00\n"
                + "  100.0 fps, 10 runs, opened in 3.00 ms, first run 40.00 ms\n"
                + "  stages, ms: convert 0.00  downsample 0.00  network 4.00  curve 2.00\n"
                + "  unsteady: p90 is more than 1.5 times p50\n"
                + "\nphotograph 8x6, int8.dce, all processors\n"
                + "  ms: p50 10.00  p90 10.00  p99 10.00  min 10.00  mean 10.00  max 10.00\n"
                + "  100.0 fps, 10 runs, opened in 3.00 ms, first run 10.00 ms\n"
                + "  stages, ms: convert 0.00  downsample 0.00  network 4.00  curve 2.00\n"
                + "\ncamera 15x9, absent, 1 thread\n"
                + "  failed: absent: is not there\n", Benchmark.report(Arrays.asList("a phone", "Android"), results));
        Check.equal("dcelite benchmark\n", Benchmark.report(Collections.emptyList(), Collections.emptyList()));
    }
}
