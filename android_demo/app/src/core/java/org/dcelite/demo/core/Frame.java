package org.dcelite.demo.core;

/** A camera frame on loan: whoever holds it closes it, once, and the camera uses its memory again. */
public interface Frame extends AutoCloseable {
    /** Valid until {@link #close}. */
    YuvPlanes planes();

    /** How to turn it for display. */
    Orientation orientation();

    @Override
    void close();
}
