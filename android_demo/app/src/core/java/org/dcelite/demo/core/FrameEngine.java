package org.dcelite.demo.core;

import java.nio.ByteBuffer;

/** What enhances. One thread uses it at a time. */
public interface FrameEngine extends AutoCloseable {
    /** Time of the stages of the last enhancement in {@link #stages}. */
    int CONVERT = 0;
    int DOWNSAMPLE = 1;
    int NETWORK = 2;
    int CURVE = 3;
    int DENOISE = 4;
    int STAGES = 5;

    /** Enhances a frame for display: RGBA, 4 bytes a pixel, {@code stride} bytes a row, from the buffer's position. */
    void enhance(YuvPlanes frame, ByteBuffer rgba, int stride);

    /** The same without enhancement: as the camera sees it. */
    void convert(YuvPlanes frame, ByteBuffer rgba, int stride);

    /** Enhances a photograph in place: RGBA, rows without gaps. */
    void enhance(ByteBuffer rgba, int width, int height);

    /** For frames of the live picture, from the next one on; {@code denoise} is within each and over time. */
    void set(float strength, float smoothing, float denoise);

    /** Fills in how many nanoseconds the stages of the last enhancement took: the first {@link #STAGES} elements. */
    void stages(long[] nanoseconds);

    @Override
    void close();

    /** Opens engines. */
    interface Factory {
        /**
         * @param engine {@link LiveSettings#SHIPPED}, or the name of a model
         * @param threads 0: one per processor
         * @throws org.dcelite.DceliteException where the model cannot be opened
         */
        FrameEngine open(String engine, int threads);

        /** The same with the precision of the live picture: see {@link LiveSettings#fast}. */
        default FrameEngine open(String engine, int threads, boolean fast) {
            return open(engine, threads);
        }
    }
}
