package org.dcelite.demo.core;

/** Which of the sizes of a camera to take, and what to do about its permission. */
public final class CameraChoice {
    /** The state of the camera permission: what to do next. */
    public enum Access { GRANTED, ASK, EXPLAIN, OPEN_SETTINGS }

    private CameraChoice() {
    }

    /**
     * The index of the largest size of at most so many pixels, the wider one of two; if all are larger, of the smallest.
     *
     * @return -1 where there is none
     */
    public static int size(int[] widths, int[] heights, long pixels) {
        int best = -1;
        for (int i = 0; i < widths.length; i++) {
            if (best < 0 || better(area(widths, heights, i), widths[i], area(widths, heights, best), widths[best], pixels)) {
                best = i;
            }
        }
        return best;
    }

    private static long area(int[] widths, int[] heights, int index) {
        return (long) widths[index] * heights[index];
    }

    private static boolean better(long area, int width, long bestArea, int bestWidth, long pixels) {
        if ((area <= pixels) != (bestArea <= pixels)) {
            return area <= pixels;
        }
        if (area == bestArea) {
            return width > bestWidth;
        }
        return area <= pixels ? area > bestArea : area < bestArea;
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
