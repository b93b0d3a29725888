package org.dcelite.demo.core;

/** How large a photograph may be decoded, so that it fits into memory with all that is made from it; and a camera's frames. */
public final class PictureSize {
    /** Widest and tallest picture of the library. */
    public static final int MAX_DIMENSION = 65535;

    private static final int BYTES_OF_PIXEL = 4;
    /** The picture as decoded, and the result; Android keeps them outside the Java heap. */
    private static final int BITMAPS = 2;
    /** 1/2: as much again is left for what else the app and the system do meanwhile. */
    private static final int SHARE = 2;

    private PictureSize() {
    }

    /**
     * Pixels that there is room for.
     *
     * @param heapFree bytes of the Java heap that the app may still take: a direct buffer of Android lies in it
     * @param systemFree bytes that the system has beyond the threshold where it ends apps
     */
    public static long pixels(long heapFree, long systemFree) {
        final long inHeap = Math.max(0, heapFree) / SHARE / BYTES_OF_PIXEL;
        final long outside = Math.max(0, systemFree) / SHARE / (BITMAPS * BYTES_OF_PIXEL);
        return Math.min(inHeap, outside);
    }

    /**
     * BitmapFactory.Options.inSampleSize: the smallest power of 2 at which the picture has no more than so many pixels.
     *
     * @throws IllegalArgumentException where the size is none
     */
    public static int sampleSize(int width, int height, long pixels) {
        if (width < 1 || height < 1) {
            throw new IllegalArgumentException("size: " + width + " x " + height + ", at least 1 x 1 was wanted");
        }
        int sample = 1;
        while (!fits(width, height, sample, pixels) && (width > sample || height > sample)) {
            sample *= 2;
        }
        return sample;
    }

    // Decoders round up or down; up is the safe guess.
    private static boolean fits(int width, int height, int sample, long pixels) {
        final long columns = ((long) width + sample - 1) / sample;
        final long rows = ((long) height + sample - 1) / sample;
        return columns <= MAX_DIMENSION && rows <= MAX_DIMENSION && columns * rows <= pixels;
    }

    /**
     * Whether this size of a camera is better: the largest of at most so many pixels is the best, the wider of two; if all are
     * larger, the smallest.
     */
    public static boolean better(int width, int height, int bestWidth, int bestHeight, long pixels) {
        final long area = (long) width * height;
        final long bestArea = (long) bestWidth * bestHeight;
        if ((area <= pixels) != (bestArea <= pixels)) {
            return area <= pixels;
        }
        return area == bestArea ? width > bestWidth : (area > bestArea) == (area <= pixels);
    }
}
