package org.dcelite.demo.core;

import java.nio.ByteBuffer;

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
        void failed(Throwable cause);
    }

    public final FrameStatistics statistics = new FrameStatistics();
    private final FrameEngine.Factory factory;
    private final Sink sink;
    private final Thread worker = new Thread(this::work, "enhance");
    private volatile LiveSettings settings;

    // Guarded by this object's monitor.
    private Frame waiting;
    private long dropped;
    private boolean stopped;

    // Of the worker alone.
    private FrameEngine engine;
    private LiveSettings applied;
    private LiveSettings failedWith;
    private ByteBuffer picture;
    private final long[] times = new long[FrameStatistics.TIMES];

    public FramePipeline(FrameEngine.Factory factory, Sink sink, LiveSettings settings) {
        this.factory = factory;
        this.sink = sink;
        this.settings = settings;
        worker.start();
    }

    /** Takes over a frame; never waits. */
    public synchronized void submit(Frame frame) {
        if (stopped) {
            frame.close();
            return;
        }
        if (waiting != null) {
            waiting.close();
            dropped++;
        }
        waiting = frame;
        notifyAll();
    }

    /** From the next frame on. */
    public void configure(LiveSettings value) {
        settings = value;
    }

    public synchronized long dropped() {
        return dropped;
    }

    /** Waits until the frame under way is done and the engine closed. All frames are closed then, also later ones. */
    public void stop() {
        synchronized (this) {
            stopped = true;
            if (waiting != null) {
                waiting.close();
                waiting = null;
            }
            notifyAll();
        }
        boolean interrupted = false;
        while (worker.isAlive()) {
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

    private void work() {
        try {
            for (Frame frame = next(); frame != null; frame = next()) {
                process(frame);
            }
            closeEngine();
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody else has this thread", e);
        }
    }

    // Null after stop.
    private synchronized Frame next() throws InterruptedException {
        while (waiting == null && !stopped) {
            wait();
        }
        final Frame frame = waiting;
        waiting = null;
        return frame;
    }

    private void process(Frame frame) {
        final LiveSettings wanted = settings;
        final Orientation turn = frame.orientation();
        final long begin = System.nanoTime();
        final YuvPlanes planes;
        try {
            try (Frame open = frame) {  // closed before the picture is shown, so that the camera has its memory back early
                if (failedWith != null && failedWith.sharesEngineWith(wanted)) {
                    return;
                }
                apply(wanted);
                planes = open.planes();
                enhance(planes, turn, wanted.split);
            }
            final long enhanced = System.nanoTime();
            sink.show(picture, planes.width, planes.height, turn, wanted);
            times[FrameStatistics.END] = System.nanoTime();
            times[FrameStatistics.SHOW] = times[FrameStatistics.END] - enhanced;
            times[FrameStatistics.TOTAL] = times[FrameStatistics.END] - begin;
            statistics.add(times);
        } catch (RuntimeException | OutOfMemoryError | LinkageError e) {
            closeEngine();
            picture = null;
            failedWith = wanted;
            sink.failed(e);
        }
    }

    private void apply(LiveSettings wanted) {
        if (engine == null || !wanted.sharesEngineWith(applied)) {
            closeEngine();
            engine = factory.open(wanted.engine, wanted.threads, wanted.fast);
            engine.set(wanted.strength, wanted.smoothing, wanted.denoise);
            statistics.restart();
        } else if (wanted != applied) {
            engine.set(wanted.strength, wanted.smoothing, wanted.denoise);
        }
        applied = wanted;
        failedWith = null;
    }

    private void enhance(YuvPlanes planes, Orientation turn, float split) {
        final int stride = 4 * planes.width;
        if (picture == null || picture.capacity() != stride * planes.height) {
            picture = null;  // the old one may go before the new one comes
            picture = ByteBuffer.allocateDirect(stride * planes.height);
        }
        picture.clear();
        engine.enhance(planes, picture, stride);
        engine.stages(times);
        final long begin = System.nanoTime();
        final int[] part = turn.leftPart(planes.width, planes.height, split);
        if (part[2] > 0 && part[3] > 0) {
            final ByteBuffer corner = picture.duplicate();
            corner.position(part[1] * stride + 4 * part[0]);
            engine.convert(planes.crop(part[0], part[1], part[2], part[3]), corner, stride);
        }
        times[FrameStatistics.SPLIT] = System.nanoTime() - begin;
    }

    private void closeEngine() {
        if (engine != null) {
            engine.close();
            engine = null;
        }
    }
}
