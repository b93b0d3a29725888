package org.dcelite.demo.core;

import java.nio.ByteBuffer;

/**
 * Camera frames in, enhanced pictures out, on a thread of its own that the engine belongs to. Frames that come faster than
 * they can be enhanced are dropped, the oldest first. Used once: {@link #start}, any number of frames, {@link #stop}.
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
    private final Mailbox mailbox = new Mailbox();
    private final FrameStatistics statistics = new FrameStatistics();
    private final Thread worker;

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
        worker = new Thread(this::run, "enhance");
    }

    public void start() {
        worker.start();
    }

    /** Takes over a frame; never waits. */
    public void submit(Frame frame) {
        mailbox.put(frame);
    }

    /** From the next frame on. */
    public void configure(LiveSettings value) {
        settings = value;
    }

    /** From the next frame on. */
    public void setOrientation(Orientation value) {
        orientation = value;
    }

    public FrameStatistics statistics() {
        return statistics;
    }

    public long dropped() {
        return mailbox.dropped();
    }

    /** Waits until the frame under way is done and the engine closed. All frames are closed then, also later ones. */
    public void stop() {
        mailbox.close();
        boolean interrupted = false;
        while (true) {
            try {
                worker.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        try {
            for (Frame frame = mailbox.take(); frame != null; frame = mailbox.take()) {
                process(frame);
            }
        } catch (InterruptedException e) {
            mailbox.close();  // nobody interrupts this thread but a system that ends it
        } finally {
            closeEngine();
        }
    }

    private void process(Frame frame) {
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
