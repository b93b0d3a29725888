package org.dcelite.demo.core;

import java.nio.ByteBuffer;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Camera frames in, enhanced pictures out, on a thread of its own that the engine belongs to. A frame that still waits
 * when the next one comes is late: it is closed and counted, so that what is shown is never older than one frame. Used
 * once: any number of frames, {@link #stop}.
 */
public final class FramePipeline {
    /** Receives the pictures, on the thread of the pipeline. */
    public interface Sink {
        /**
         * @param rgba width x height pixels of 4 bytes; valid until the call returns, which may move the position
         * @param orientation how to turn it for display
         */
        void show(ByteBuffer rgba, int width, int height, Orientation orientation, LiveSettings settings);

        /** No frame is enhanced until the user chooses another engine or number of threads. */
        void failed(Failure failure, Throwable cause);
    }

    private static final ByteBuffer NONE = ByteBuffer.allocateDirect(0);

    private final FrameEngine.Factory factory;
    private final Sink sink;
    private final AtomicReference<Frame> waiting = new AtomicReference<>();
    private final AtomicLong dropped = new AtomicLong();
    public final FrameStatistics statistics = new FrameStatistics();
    private final ExecutorService executor = Executors.newSingleThreadExecutor(this::thread);
    private volatile Thread worker;

    private volatile LiveSettings settings;
    private volatile Orientation orientation = Orientation.NORMAL;

    // Of the worker alone.
    private FrameEngine engine;
    private LiveSettings applied;
    private LiveSettings failedWith;
    private ByteBuffer picture = NONE;
    private final long[] stages = new long[FrameStatistics.STAGES];

    public FramePipeline(FrameEngine.Factory factory, Sink sink, LiveSettings settings) {
        this.factory = factory;
        this.sink = sink;
        this.settings = settings;
    }

    private Thread thread(Runnable work) {
        worker = new Thread(() -> {
            try {
                work.run();
            } finally {
                closeEngine();
            }
        }, "enhance");
        return worker;
    }

    /** Takes over a frame; never waits. */
    public void submit(Frame frame) {
        if (replaceWaiting(frame)) {
            dropped.incrementAndGet();
            return;
        }
        try {
            executor.execute(this::process);
        } catch (RejectedExecutionException e) {
            replaceWaiting(null);  // it came after stop
        }
    }

    private boolean replaceWaiting(Frame frame) {
        final Frame late = waiting.getAndSet(frame);
        if (late != null) {
            late.close();
        }
        return late != null;
    }

    /** From the next frame on. */
    public void configure(LiveSettings value) {
        settings = value;
    }

    /** From the next frame on. */
    public void setOrientation(Orientation value) {
        orientation = value;
    }

    public long dropped() {
        return dropped.get();
    }

    /** Waits until the frame under way is done and the engine closed. All frames are closed then, also later ones. */
    public void stop() {
        executor.shutdown();
        replaceWaiting(null);
        boolean interrupted = false;
        while (worker != null && worker.isAlive()) {
            try {
                worker.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void process() {
        final Frame frame = waiting.getAndSet(null);
        if (frame == null) {
            return;
        }
        final LiveSettings wanted = settings;
        final Orientation turn = orientation;
        final long begin = System.nanoTime();
        final int width;
        final int height;
        try {
            try {
                if (failedWith != null && failedWith.sharesEngineWith(wanted)) {
                    return;
                }
                apply(wanted);
                final YuvPlanes planes = frame.planes();
                width = planes.width;
                height = planes.height;
                enhance(planes, turn, wanted.split);
            } finally {
                frame.close();  // before the picture is shown, so that the camera has its memory back early
            }
            final long enhanced = System.nanoTime();
            sink.show(picture, width, height, turn, wanted);
            final long end = System.nanoTime();
            stages[FrameStatistics.SHOW] = end - enhanced;
            statistics.add(end, end - begin, stages);
        } catch (RuntimeException | OutOfMemoryError | LinkageError e) {
            closeEngine();
            picture = NONE;
            failedWith = wanted;
            sink.failed(Failure.of(e), e);
        }
    }

    private void apply(LiveSettings wanted) {
        if (engine == null || !wanted.sharesEngineWith(applied)) {
            closeEngine();
            engine = factory.open(wanted.engine, wanted.threads);
            engine.set(wanted.strength, wanted.smoothing);
            statistics.restart();
        } else if (wanted != applied) {
            engine.set(wanted.strength, wanted.smoothing);
        }
        applied = wanted;
        failedWith = null;
    }

    private void enhance(YuvPlanes planes, Orientation turn, float split) {
        final int stride = 4 * planes.width;
        if (picture.capacity() != stride * planes.height) {
            picture = NONE;  // the old one may go before the new one comes
            picture = ByteBuffer.allocateDirect(stride * planes.height);
        }
        picture.clear();
        engine.enhance(planes, picture, stride);
        engine.stages(stages);
        final long begin = System.nanoTime();
        final int[] part = turn.leftPart(planes.width, planes.height, split);
        if (part[2] > 0 && part[3] > 0) {
            final ByteBuffer corner = picture.duplicate();
            corner.position(part[1] * stride + 4 * part[0]);
            engine.convert(planes.crop(part[0], part[1], part[2], part[3]), corner, stride);
        }
        stages[FrameStatistics.SPLIT] = System.nanoTime() - begin;
    }

    private void closeEngine() {
        if (engine != null) {
            engine.close();
            engine = null;
        }
    }
}
