import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.dcelite.DceliteException;
import org.dcelite.Enhancer;
import org.dcelite.demo.core.Benchmark;
import org.dcelite.demo.core.Failure;
import org.dcelite.demo.core.Frame;
import org.dcelite.demo.core.FrameEngine;
import org.dcelite.demo.core.FramePipeline;
import org.dcelite.demo.core.LiveSettings;
import org.dcelite.demo.core.NativeEngine;
import org.dcelite.demo.core.Orientation;
import org.dcelite.demo.core.YuvPlanes;

/** The classes of the app on the native library, which was built for this machine. */
public final class NativeTest {
    private static final double[] RED = {1, 0, 1.402};
    private static final double[] GREEN = {1, -0.344136, -0.714136};
    private static final double[] BLUE = {1, 1.772, 0};

    private final Random random = new Random(5);

    /** As the camera sees it: JPEG's conversion, of every layout of planes, into the middle of a larger picture. */
    public void everyLayoutIsConverted() {
        try (FrameEngine engine = new NativeEngine(null, 1)) {
            for (int pixelStride = 1; pixelStride <= Planes.MAX_PIXEL_STRIDE; pixelStride++) {
                for (int padding : new int[] {0, 1, 17}) {
                    converts(engine, new Planes(random, 13, 7, pixelStride, padding, false));
                    converts(engine, new Planes(random, 8, 6, pixelStride, padding, pixelStride > 1));
                }
            }
        }
    }

    private static void converts(FrameEngine engine, Planes image) {
        final int left = 2;
        final int top = 4;
        final YuvPlanes part = image.planes.crop(left, top, image.width - left, image.height - top);
        final int stride = 4 * image.width;
        final ByteBuffer rgba = ByteBuffer.allocateDirect(stride * image.height);
        final ByteBuffer corner = rgba.duplicate();
        corner.position(top * stride + 4 * left);
        engine.convert(part, corner, stride);
        for (int i = 0; i < image.width * image.height; i++) {
            final int x = i % image.width;
            final int y = i / image.width;
            if (x < left || y < top) {
                Check.equal(0, rgba.getInt(4 * i));
                continue;
            }
            final int[] yuv = image.at(x, y);
            Check.near(value(yuv, RED), rgba.get(4 * i) & 0xFF, 0.51);
            Check.near(value(yuv, GREEN), rgba.get(4 * i + 1) & 0xFF, 0.51);
            Check.near(value(yuv, BLUE), rgba.get(4 * i + 2) & 0xFF, 0.51);
            Check.equal(255, rgba.get(4 * i + 3) & 0xFF);
        }
    }

    private static double value(int[] yuv, double[] row) {
        final double value = row[0] * yuv[0] + row[1] * (yuv[1] - 128) + row[2] * (yuv[2] - 128);
        return Math.max(0, Math.min(value, 255));
    }

    /** One result for all layouts of one picture, and a brighter one than the camera's. */
    public void layoutsMakeNoDifference() {
        try (FrameEngine engine = new NativeEngine(null, 2)) {
            ByteBuffer wanted = null;
            for (int pixelStride = 1; pixelStride <= Planes.MAX_PIXEL_STRIDE; pixelStride++) {
                final Planes image = new Planes(new Random(8), 41, 29, pixelStride, 3 * pixelStride, pixelStride % 3 == 2);
                final ByteBuffer rgba = ByteBuffer.allocateDirect(4 * 41 * 29);
                engine.enhance(image.planes, rgba, 4 * 41);
                wanted = wanted == null ? rgba : wanted;
                Check.equal(wanted, rgba);
            }
            final ByteBuffer plain = ByteBuffer.allocateDirect(4 * 41 * 29);
            engine.convert(new Planes(new Random(8), 41, 29, 1, 0, false).planes, plain, 4 * 41);
            Check.that(sum(wanted) > sum(plain) + 41 * 29, "not brighter");
            final long[] stages = new long[FrameEngine.STAGES];
            engine.stages(stages);
            Check.that(stages[FrameEngine.NETWORK] > 0 && stages[FrameEngine.CURVE] > 0, "no times");
            // strength 0: what the other path gives
            engine.set(0, 0, 0);
            engine.enhance(new Planes(new Random(8), 41, 29, 1, 0, false).planes, wanted, 4 * 41);
            Check.equal(plain, wanted);
        }
    }

    /** Within each frame and over time, and not of what is shown as the camera sees it. */
    public void noiseIsReduced() {
        final YuvPlanes[] frames = new YuvPlanes[3];
        for (int i = 0; i < frames.length; i++) {
            frames[i] = new Planes(random, 96, 64, 2, 0, true).planes;
            for (int j = 0; j < frames[i].y.limit(); j++) {
                frames[i].y.put(j, (byte) (40 + random.nextInt(9)));
            }
            for (int j = 0; j < frames[i].u.limit(); j++) {  // and V: they are interwoven
                frames[i].u.put(j, (byte) (120 + random.nextInt(17)));
            }
        }
        final ByteBuffer with = direct(4 * 96 * 64);
        final ByteBuffer without = direct(4 * 96 * 64);
        final ByteBuffer wanted = direct(4 * 96 * 64);
        final long[] stages = new long[FrameEngine.STAGES];
        try (FrameEngine engine = new NativeEngine(null, 1); FrameEngine other = new NativeEngine(null, 1);
                Enhancer enhancer = Enhancer.open((String) null, new Enhancer.Options().denoise(0.8f).temporalDenoise(0.8f))) {
            engine.set(1, 0, 0.8f);
            for (YuvPlanes frame : frames) {
                engine.enhance(frame, with, 4 * 96);
                engine.stages(stages);
                Check.that(stages[FrameEngine.DENOISE] > 0, "no time of denoising");
                enhancer.enhanceYuv420(frame.y, 96, frame.u, frame.uvRowStride, frame.v, frame.uvRowStride, 2,
                        Enhancer.BT601_FULL, wanted, Enhancer.RGBA8, 4 * 96, 96, 64);
                Check.equal(wanted, with);
                engine.convert(frame, with, 4 * 96);
                other.convert(frame, without, 4 * 96);
                Check.equal(without, with);
            }
            final YuvPlanes last = frames[frames.length - 1];
            engine.set(1, 0, 0);
            engine.enhance(last, with, 4 * 96);
            engine.stages(stages);
            Check.equal(0L, stages[FrameEngine.DENOISE]);
            other.enhance(last, without, 4 * 96);
            Check.equal(without, with);
            Check.that(!without.equals(wanted), "nothing was reduced");
            other.set(1, 0, 0.8f);
            other.enhance(last, without, 4 * 96);
            Check.that(!without.equals(wanted), "the frames before had no influence");
        }
    }

    public void everyByteTooFewIsRefused() {
        // 5 x 3: rows of 5 luma, 3 chroma samples; 3 and 2 of them
        for (int step = 1; step <= 3; step++) {
            final int luma = 2 * 6 + 5;
            final int chroma = 10 + 2 * step + 1;
            final int pixelStride = step;
            read(luma, 6, chroma, chroma, 10, step, 5, 3);
            Check.raises(IllegalArgumentException.class, () -> read(luma - 1, 6, chroma, chroma, 10, pixelStride, 5, 3));
            Check.raises(IllegalArgumentException.class, () -> read(luma, 6, chroma - 1, chroma, 10, pixelStride, 5, 3));
            Check.raises(IllegalArgumentException.class, () -> read(luma, 6, chroma, chroma - 1, 10, pixelStride, 5, 3));
        }
    }

    public void refusesStridesAndSizes() {
        Check.raises(IllegalArgumentException.class, () -> read(1000, 4, 1000, 1000, 10, 1, 5, 3));
        Check.raises(IllegalArgumentException.class, () -> read(1000, 5, 1000, 1000, 4, 2, 5, 3));
        Check.raises(IllegalArgumentException.class, () -> read(1000, 5, 1000, 1000, 10, 0, 5, 3));
        Check.raises(IllegalArgumentException.class, () -> read(1000, 5, 1000, 1000, 100, 17, 5, 3));
        Check.raises(DceliteException.class, () -> read(1000, 5, 1000, 1000, 10, 1, 0, 3));
        Check.raises(DceliteException.class, () -> read(1000, 5, 1000, 1000, 10, 1, 5, -1));
        // the product of rows and stride is beyond 32 bits
        Check.raises(IllegalArgumentException.class, () -> read(1000, 1 << 30, 1000, 1000, 1 << 30, 1, 5, 9));
        Check.raises(IllegalArgumentException.class, () -> read(ByteBuffer.allocate(99), 5, direct(99), direct(99), 5, 1, 5, 3));
    }

    private static void read(int luma, int yStride, int u, int v, int stride, int step, int width, int height) {
        read(direct(luma), yStride, direct(u), direct(v), stride, step, width, height);
    }

    private static void read(ByteBuffer y, int yStride, ByteBuffer u, ByteBuffer v, int stride, int step, int width, int height) {
        final YuvPlanes planes = new YuvPlanes(y, yStride, u, v, stride, step, width, height);
        try (FrameEngine engine = new NativeEngine(null, 1)) {
            engine.enhance(planes, direct(4 * 5 * 9), 4 * 5);
        }
    }

    private static ByteBuffer direct(int size) {
        return ByteBuffer.allocateDirect(size);
    }

    private static long sum(ByteBuffer bytes) {
        long sum = 0;
        for (int i = 0; i < bytes.capacity(); i++) {
            sum += bytes.get(i) & 0xFF;
        }
        return sum;
    }

    public void photographsAreEnhancedInPlace() {
        final int width = 640;
        final int height = 480;
        try (FrameEngine engine = new NativeEngine(null, 1)) {
            final ByteBuffer rgba = ByteBuffer.allocateDirect(4 * width * height);
            for (int i = 0; i < rgba.capacity(); i++) {
                rgba.put(i, (byte) random.nextInt(60));
            }
            final long before = sum(rgba);
            engine.enhance(rgba, width, height);
            Check.that(sum(rgba) > before + width * height, "not brighter");
            final long begin = System.nanoTime();
            engine.enhance(rgba, width, height);
            final long elapsed = System.nanoTime() - begin;
            final long[] stages = new long[FrameEngine.STAGES];
            engine.stages(stages);
            long inStages = 0;
            for (long stage : stages) {
                inStages += stage;
            }
            Check.that(inStages > 0 && inStages <= elapsed, inStages + " ns in stages, of " + elapsed);
        }
    }

    public void theBenchmarkMeasures() {
        final Benchmark benchmark = new Benchmark((name, threads) -> new NativeEngine(null, threads),
                BenchmarkTest.limits(1, 3, 3, 0, 5));
        final List<Benchmark.Case> results = benchmark.run(java.util.Arrays.asList(
                new Benchmark.Case(Benchmark.Kind.CAMERA, 321, 241, "", 1),
                new Benchmark.Case(Benchmark.Kind.PHOTOGRAPH, 320, 240, "", 2)), (index, count, next) -> { });
        Check.equal(2, results.size());
        for (Benchmark.Case result : results) {
            Check.equal(null, result.failure);
            Check.that(result.milliseconds.min > 0 && result.stageMs[FrameEngine.NETWORK] > 0, "no times");
        }
    }

    public void aModelFromMemoryAndOneThatIsNone() throws IOException {
        final byte[] bytes = Files.readAllBytes(Paths.get(System.getProperty("model")));
        final ByteBuffer model = ByteBuffer.allocateDirect(bytes.length);
        model.put(bytes);
        model.flip();
        new NativeEngine(model, 1).close();
        model.put(100, (byte) (model.get(100) + 1));
        Check.equal(Failure.MODEL, Failure.of(Check.raises(RuntimeException.class, () -> new NativeEngine(model, 1))));
    }

    /** A hundred times: the screen comes, frames arrive, the engine is changed, the screen goes. Memory does not grow. */
    public void aHundredScreensDoNotGrow() throws IOException, InterruptedException {
        final Planes image = new Planes(random, 160, 120, 2, 0, true);
        cycles(image, 20);
        final long before = residentBytes();
        cycles(image, 100);
        final long grown = residentBytes() - before;
        // One engine that stays open holds its weights and buffers: 100 of them are far more than this.
        Check.that(grown < 8 << 20, "grown by " + grown + " bytes");
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            Check.that(!thread.getName().equals("enhance"), "a thread is left");
        }
    }

    private static void cycles(Planes image, int count) throws InterruptedException {
        final int threads = nativeThreads();
        for (int cycle = 0; cycle < count; cycle++) {
            final Semaphore shown = new Semaphore(0);
            final FramePipeline pipeline = new FramePipeline((name, number) -> new NativeEngine(null, number),
                    new FramePipeline.Sink() {
                        @Override
                        public void show(ByteBuffer rgba, int width, int height, Orientation turn, LiveSettings settings) {
                            shown.release();
                        }

                        @Override
                        public void failed(Throwable cause) {
                            throw new AssertionError(cause);
                        }
                    }, PipelineTest.engine("", 2));
            for (int i = 0; i < 3; i++) {
                pipeline.configure(PipelineTest.engine("", 1 + i));
                pipeline.submit(new Frame() {
                    @Override
                    public YuvPlanes planes() {
                        return image.planes;
                    }

                    @Override
                    public Orientation orientation() {
                        return Orientation.NORMAL;
                    }

                    @Override
                    public void close() {
                        // the memory belongs to the test
                    }
                });
                Check.that(shown.tryAcquire(20, TimeUnit.SECONDS), "no picture");
            }
            pipeline.stop();
        }
        Check.that(nativeThreads() <= threads + 2, "threads of the library are left");
    }

    private static int nativeThreads() {
        return Paths.get("/proc/self/task").toFile().list().length;
    }

    private static long residentBytes() throws IOException {
        System.gc();
        final String[] pages = new String(Files.readAllBytes(Paths.get("/proc/self/statm")), StandardCharsets.US_ASCII).split(" ");
        return Long.parseLong(pages[1]) * 4096;
    }
}
