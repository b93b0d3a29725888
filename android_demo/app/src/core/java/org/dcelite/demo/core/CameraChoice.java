package org.dcelite.demo.core;

/** Which of the sizes of a camera to take, and what to do about its permission. */
public final class CameraChoice {
    /** The state of the camera permission: what to do next. */
    public enum Access { GRANTED, ASK, EXPLAIN, OPEN_SETTINGS }

    private CameraChoice() {
    }

    /** The largest size of at most so many pixels is the best, the wider of two; if all are larger, the smallest. */
    public static boolean better(int width, int height, int bestWidth, int bestHeight, long pixels) {
        final long area = (long) width * height;
        final long bestArea = (long) bestWidth * bestHeight;
        if ((area <= pixels) != (bestArea <= pixels)) {
            return area <= pixels;
        }
        return area == bestArea ? width > bestWidth : (area > bestArea) == (area <= pixels);
    }

    /**
     * @param asked whether the user has been asked in this app before
     * @param mayExplain Activity.shouldShowRequestPermissionRationale: false before the first question, and again when the
     *     user refused for good
     */
    public static Access access(boolean granted, boolean asked, boolean mayExplain) {
        if (granted) {
            return Access.GRANTED;
        }
        if (mayExplain) {
            return Access.EXPLAIN;
        }
        return asked ? Access.OPEN_SETTINGS : Access.ASK;
    }
}
