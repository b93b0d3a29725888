import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.dcelite.DceliteException;
import org.dcelite.Exceptions;
import org.dcelite.demo.core.Failure;
import org.dcelite.demo.core.Frame;
import org.dcelite.demo.core.FrameEngine;
import org.dcelite.demo.core.FramePipeline;
import org.dcelite.demo.core.FrameStatistics;
import org.dcelite.demo.core.LiveSettings;
import org.dcelite.demo.core.Orientation;
import org.dcelite.demo.core.YuvPlanes;

/** The scheduling of frames, with engines and cameras that this test holds in its hand. */
public final class PipelineTest {
    private static final int WIDTH = 6;
    private static final int HEIGHT = 4;
    private static final long PATIENCE_SECONDS = 20;

    private final Random random = new Random(3);
    private final List<String> events = Collections.synchronizedList(new ArrayList<>());
    private final AtomicInteger openEngines = new AtomicInteger();
    private final AtomicInteger openFrames = new AtomicInteger();
    private final Semaphore shown = new Semaphore(0);
    private final Semaphore failures = new Semaphore(0);
    private volatile int number;  // of the frame that was shown last
    private volatile Throwable problem;
    private volatile RuntimeException engineFailure;
    private volatile Error engineError;
    private volatile Orientation orientation = Orientation.NORMAL;  // of the camera
    private volatile Orientation shownOrientation;
    private volatile CountDownLatch gate;  // the engine waits for it

    private final class TestFrame implements Frame {
        private final YuvPlanes planes = new Planes(random, WIDTH, HEIGHT, 2, 0, true).planes;
        private boolean closed;

        TestFrame(int number) {
            planes.y.put(planes.y.position(), (byte) number);
            openFrames.incrementAndGet();
        }

        @Override
        public synchronized YuvPlanes planes() {
            if (closed) {
                problem = new AssertionError("a closed frame is used");
            }
            return planes;
        }

        @Override
        public Orientation orientation() {
            return orientation;
        }

        @Override
        public synchronized void close() {
            if (closed) {
                problem = new AssertionError("a frame is closed twice");
            }
            closed = true;
            openFrames.decrementAndGet();
        }
    }

    private final class TestEngine implements FrameEngine {
        private final Thread owner = Thread.currentThread();
        private final String name;
        private boolean closed;

        TestEngine(String name) {
            this.name = name;
            openEngines.incrementAndGet();
            events.add("open " + name);
        }

        private void used() {
            if (closed || Thread.currentThread() != owner) {
                problem = new AssertionError(name + ": used after close, or by another thread");
            }
        }

        @Override
        public void enhance(YuvPlanes frame, ByteBuffer rgba, int stride) {
            used();
            final CountDownLatch wait = gate;
            if (wait != null) {
                try {
                    wait.await();
                } catch (InterruptedException e) {
                    problem = e;
                }
            }
            if (engineFailure != null) {
                throw engineFailure;
            }
            if (engineError != null) {
                throw engineError;
            }
            Check.equal(4 * WIDTH * HEIGHT, rgba.remaining());
            for (int i = 0; i < rgba.remaining(); i++) {
                rgba.put(rgba.position() + i, frame.y.get(frame.y.position()));
            }
        }

        @Override
        public void convert(YuvPlanes frame, ByteBuffer rgba, int stride) {
            used();
            for (int y = 0; y < frame.height; y++) {
                for (int x = 0; x < 4 * frame.width; x++) {
                    rgba.put(rgba.position() + y * stride + x, (byte) -1);
                }
            }
        }

        @Override
        public void enhance(ByteBuffer rgba, int width, int height) {
            throw new AssertionError("no photographs here");
        }

        @Override
        public void set(float strength, float smoothing, float denoise) {
            used();
            events.add("set " + strength + " " + smoothing + " " + denoise);
        }

        @Override
        public void stages(long[] nanoseconds) {
            used();
            nanoseconds[NETWORK] = 1_000_000;
        }

        @Override
        public void close() {
            used();
            closed = true;
            openEngines.decrementAndGet();
            events.add("close " + name);
        }
    }

    private final FramePipeline.Sink sink = new FramePipeline.Sink() {
        @Override
        public void show(ByteBuffer rgba, int width, int height, Orientation orientation, LiveSettings settings) {
            shownOrientation = orientation;
            // The last column stays enhanced, the first is as the camera sees it.
            number = rgba.get(4 * WIDTH - 1);
            final int first = rgba.get(0);
            if (settings.split > 0.4f && first != -1 || settings.split == 0 && first != number) {
                problem = new AssertionError("split " + settings.split + ", first pixel " + first);
            }
            rgba.position(rgba.limit());  // as a bitmap does that is filled from it
            shown.release();
        }

        @Override
        public void failed(Throwable cause) {
            events.add("failed " + Failure.of(cause));
            failures.release();
        }
    };

    static LiveSettings engine(String name, int threads) {
        return new LiveSettings(name, threads, 1, 0.6f, 0.9f, 0.5f);
    }

    private FramePipeline start(LiveSettings settings) {
        final FramePipeline pipeline = new FramePipeline((engine, threads) -> {
            if (engine.startsWith("bad")) {
                throw Exceptions.of(DceliteException.MODEL, engine);
            }
            return new TestEngine(engine + threads);
        }, sink, settings);
        return pipeline;
    }

    private static void await(Semaphore semaphore) {
        try {
            Check.that(semaphore.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS), "nothing came");
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void until(BooleanSupplier condition) {
        final long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!condition.getAsBoolean()) {
            Check.that(System.nanoTime() < end, "it did not come to this");
            Thread.yield();
        }
    }

    private void finish(FramePipeline pipeline) {
        pipeline.stop();
        pipeline.submit(new TestFrame(0));  // the camera may still deliver
        Check.equal(0, openEngines.get());
        Check.equal(0, openFrames.get());
        if (problem != null) {
            throw new AssertionError(problem);
        }
    }

    public void eachFrameIsShownWhenThereIsTime() {
        final FramePipeline pipeline = start(LiveSettings.DEFAULTS);
        for (int i = 1; i <= 100; i++) {
            pipeline.submit(new TestFrame(i));
            await(shown);
            Check.equal(i, number);
        }
        Check.equal(0L, pipeline.dropped());
        finish(pipeline);
        Check.equal(100L, pipeline.statistics.shown());
        Check.near(1, pipeline.statistics.milliseconds(FrameEngine.NETWORK).mean, 1e-9);
    }

    public void aSlowConsumerGetsTheNewestFrame() {
        final FramePipeline pipeline = start(LiveSettings.DEFAULTS);
        for (int round = 0; round < 20; round++) {
            gate = new CountDownLatch(1);
            pipeline.submit(new TestFrame(100));
            until(this::engineWaits);
            for (int i = 1; i <= 30; i++) {
                pipeline.submit(new TestFrame(i));
                // The one under way, and one that waits: never more.
                Check.equal(2, openFrames.get());
            }
            gate.countDown();
            await(shown);
            await(shown);
            Check.equal(30, number);
            Check.equal(29L * (round + 1), pipeline.dropped());
        }
        finish(pipeline);
        Check.equal(40L, pipeline.statistics.shown());
    }

    // The engine waits at the gate: then the mailbox is empty.
    private boolean engineWaits() {
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().equals("enhance")) {
                for (StackTraceElement element : thread.getStackTrace()) {
                    if (element.getMethodName().equals("await") && element.getClassName().endsWith("CountDownLatch")) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    public void aFastCameraLosesNoFrameUncounted() {
        final FramePipeline pipeline = start(LiveSettings.DEFAULTS);
        final int frames = 20_000;
        for (int i = 0; i < frames; i++) {
            pipeline.submit(new TestFrame(i));
            Check.that(openFrames.get() <= 3, "more frames than a camera has");
        }
        until(() -> pipeline.statistics.shown() + pipeline.dropped() >= frames);
        finish(pipeline);
        Check.equal((long) frames, pipeline.statistics.shown() + pipeline.dropped());
    }

    public void settingsReachTheEngine() {
        final FramePipeline pipeline = start(new LiveSettings("", 0, 1, 0.6f, 0.9f, 0));
        show(pipeline);
        pipeline.configure(new LiveSettings("", 0, 0.5f, 0.6f, 0.8f, 0));
        show(pipeline);
        show(pipeline);
        pipeline.configure(new LiveSettings("", 2, 0.5f, 0.6f, 0.8f, 0));
        orientation = new Orientation(3, true);
        show(pipeline);
        Check.equal(3, shownOrientation.quarterTurns);
        pipeline.configure(new LiveSettings("b", 0, 1, 0.6f, 0.9f, 0));
        show(pipeline);
        finish(pipeline);
        // Times of one engine do not go into those of the next.
        Check.equal(1, pipeline.statistics.milliseconds(FrameStatistics.TOTAL).count);
        Check.equal(5L, pipeline.statistics.shown());
        Check.equal("[open 0, set 1.0 0.6 0.9, set 0.5 0.6 0.8, close 0, open 2, set 0.5 0.6 0.8, close 2, "
                + "open b0, set 1.0 0.6 0.9, close b0]", events.toString());
    }

    private void show(FramePipeline pipeline) {
        pipeline.submit(new TestFrame(5));
        await(shown);
    }

    public void anEngineThatDoesNotOpenIsTriedOnceAndAnotherWorks() {
        final FramePipeline pipeline = start(engine("bad", 0));
        for (int i = 0; i < 10; i++) {
            pipeline.submit(new TestFrame(i));
            until(() -> openFrames.get() == 0);
        }
        await(failures);
        Check.equal(0, failures.availablePermits());
        pipeline.configure(new LiveSettings("bad", 0, 0.1f, 0.6f, 0.9f, 0.5f));  // which is no other engine
        pipeline.submit(new TestFrame(1));
        until(() -> openFrames.get() == 0);
        Check.equal("[failed MODEL]", events.toString());
        pipeline.configure(engine("good", 0));
        show(pipeline);
        pipeline.configure(engine("bad", 0));
        pipeline.submit(new TestFrame(1));
        await(failures);
        finish(pipeline);
        Check.equal("[failed MODEL, open good0, set 1.0 0.6 0.9, close good0, failed MODEL]", events.toString());
    }

    public void failuresOfAFrame() {
        engineFailure = Exceptions.of(DceliteException.OUT_OF_MEMORY, "no memory");
        failsWith("MEMORY");
        engineFailure = new IllegalArgumentException("stride");
        failsWith("OTHER");
        engineFailure = null;
        engineError = new OutOfMemoryError("Failed to allocate");
        failsWith("MEMORY");
        engineError = new UnsatisfiedLinkError("libdcelite_jni.so");
        failsWith("LIBRARY");
    }

    private void failsWith(String kind) {
        events.clear();
        final FramePipeline pipeline = start(LiveSettings.DEFAULTS);
        pipeline.submit(new TestFrame(1));
        await(failures);
        finish(pipeline);
        Check.equal("[open 0, set 1.0 0.6 1.0, close 0, failed " + kind + "]", events.toString());
    }

    public void aHundredStartsAndStopsLeaveNothing() {
        final int threads = Thread.activeCount();
        for (int cycle = 0; cycle < 100; cycle++) {
            final FramePipeline pipeline = start(engine("", cycle % 3));
            for (int i = 0; i < cycle % 5; i++) {
                pipeline.submit(new TestFrame(i));
                pipeline.configure(engine("e" + (i + cycle) % 2, 0));
            }
            finish(pipeline);
        }
        Check.equal(threads, Thread.activeCount());
    }

    public void stopWaitsForTheFrameUnderWayAlsoWhenInterrupted() throws InterruptedException {
        gate = new CountDownLatch(1);
        final FramePipeline pipeline = start(LiveSettings.DEFAULTS);
        pipeline.submit(new TestFrame(1));
        until(this::engineWaits);
        final boolean[] interrupted = {false};
        final Thread stopper = new Thread(() -> {
            pipeline.stop();
            interrupted[0] = Thread.currentThread().isInterrupted();
        });
        stopper.start();
        stopper.interrupt();
        stopper.join(50);
        Check.that(stopper.isAlive(), "stopped while the engine works");
        Check.equal(1, openEngines.get());
        gate.countDown();
        stopper.join();
        Check.that(interrupted[0], "the interruption is lost");
        finish(pipeline);
    }

    public void stopRightAfterAFrame() {
        final FramePipeline pipeline = new FramePipeline((engine, threads) -> new TestEngine(engine), sink, LiveSettings.DEFAULTS);
        pipeline.submit(new TestFrame(1));
        finish(pipeline);
    }

    public void nothingIsShownOrCountedAfterStop() {
        final FramePipeline pipeline = start(LiveSettings.DEFAULTS);
        pipeline.stop();
        for (int i = 0; i < 3; i++) {
            pipeline.submit(new TestFrame(i));
            Check.equal(0, openFrames.get());
        }
        finish(pipeline);
        Check.equal(0L, pipeline.dropped());
        Check.equal(0L, pipeline.statistics.shown());
        Check.equal("[]", events.toString());
    }
}
