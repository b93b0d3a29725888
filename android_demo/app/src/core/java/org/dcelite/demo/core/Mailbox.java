package org.dcelite.demo.core;

/**
 * Room for one frame between the camera and the thread that enhances. A frame that still waits when the next one comes is
 * late: it is closed and counted, so that what is shown is never older than one frame.
 */
public final class Mailbox {
    private Frame waiting;
    private boolean closed;
    private long dropped;

    /** Takes over the frame: it is handed out by {@link #take}, or closed here. */
    public void put(Frame frame) {
        final Frame late;
        synchronized (this) {
            if (closed) {
                late = frame;
            } else {
                late = waiting;
                if (late != null) {
                    dropped++;
                }
                waiting = frame;
                notifyAll();
            }
        }
        if (late != null) {
            late.close();
        }
    }

    /** Waits for the next frame, which the caller closes; null when the mailbox is closed. */
    public synchronized Frame take() throws InterruptedException {
        while (waiting == null && !closed) {
            wait();
        }
        final Frame frame = waiting;
        waiting = null;
        return frame;
    }

    /** Ends {@link #take} for good; a frame that waits is closed, and so are those that come later. */
    public void close() {
        final Frame late;
        synchronized (this) {
            closed = true;
            late = waiting;
            waiting = null;
            notifyAll();
        }
        if (late != null) {
            late.close();
        }
    }

    /** Frames that were late so far. */
    public synchronized long dropped() {
        return dropped;
    }
}
