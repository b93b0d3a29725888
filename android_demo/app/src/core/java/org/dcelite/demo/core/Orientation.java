package org.dcelite.demo.core;

/**
 * How a picture in memory is turned for display: first mirrored from left to right, or not, then turned clockwise by quarter
 * turns. That gives the eight ways there are.
 */
public final class Orientation {
    public static final Orientation NORMAL = new Orientation(0, false);

    private static final int[] EXIF_TURNS = {0, 0, 2, 2, 3, 1, 1, 3};
    private static final boolean[] EXIF_MIRRORED = {false, true, false, true, true, false, true, false};

    /** 0 … 3. */
    public final int quarterTurns;
    public final boolean mirrored;

    public Orientation(int quarterTurns, boolean mirrored) {
        this.quarterTurns = quarterTurns & 3;  // 0 … 3 for negative numbers too
        this.mirrored = mirrored;
    }

    /** From the value of the EXIF tag: 1 … 8; anything else is taken for 1. */
    public static Orientation ofExif(int value) {
        if (value < 1 || value > 8) {
            return NORMAL;
        }
        return new Orientation(EXIF_TURNS[value - 1], EXIF_MIRRORED[value - 1]);
    }

    /**
     * Of camera frames.
     *
     * @param sensorDegrees CameraCharacteristics.SENSOR_ORIENTATION: clockwise, for the device in its natural position
     * @param displayDegrees 0, 90, 180, 270 for Surface.ROTATION_0 … ROTATION_270
     * @param front the camera looks at the user, who expects a mirror
     */
    public static Orientation ofCamera(int sensorDegrees, int displayDegrees, boolean front) {
        if (!front) {
            return new Orientation((sensorDegrees - displayDegrees) / 90, false);
        }
        // Turned by sensor + display and mirrored after that, which is mirrored first and turned the other way.
        return new Orientation(-(sensorDegrees + displayDegrees) / 90, true);
    }

    /** Width on display of a picture of width x height. */
    public int displayedWidth(int width, int height) {
        return quarterTurns % 2 == 0 ? width : height;
    }

    public int displayedHeight(int width, int height) {
        return quarterTurns % 2 == 0 ? height : width;
    }

    /**
     * Maps the picture into the middle of a view, as large as it fits: the nine values, row by row, that
     * {@code android.graphics.Matrix.setValues} takes.
     */
    public float[] fit(int width, int height, int viewWidth, int viewHeight) {
        final int shownWidth = displayedWidth(width, height);
        final int shownHeight = displayedHeight(width, height);
        final float scale = Math.min((float) viewWidth / shownWidth, (float) viewHeight / shownHeight);
        final float left = (viewWidth - scale * shownWidth) / 2;
        final float top = (viewHeight - scale * shownHeight) / 2;
        final float[] turn = turn(width, height);
        final float[] result = new float[9];
        for (int i = 0; i < 3; i++) {
            result[i] = scale * turn[i];
            result[3 + i] = scale * turn[3 + i];
        }
        result[2] += left;
        result[5] += top;
        result[8] = 1;
        return result;
    }

    // The first two rows of the matrix that turns a picture and puts its corner back to 0, 0.
    private float[] turn(int width, int height) {
        final float flip = mirrored ? -1 : 1;
        final float offset = mirrored ? width : 0;  // the mirrored x is flip * x + offset
        switch (quarterTurns) {
            case 0:
                return new float[] {flip, 0, offset, 0, 1, 0};
            case 1:
                return new float[] {0, -1, height, flip, 0, offset};
            case 2:
                return new float[] {-flip, 0, width - offset, 0, -1, height};
            default:
                return new float[] {0, 1, 0, -flip, 0, width - offset};
        }
    }

    /**
     * The part of the picture in memory that stands left of a vertical line on display.
     *
     * @param fraction where the line is: 0 … 1 of the displayed width
     * @return left, top, width, height; the corner is even, as {@link YuvPlanes#crop} wants it, so that the part may be one
     *     pixel wider than asked for; width or height is 0 where nothing is left of the line
     */
    public int[] leftPart(int width, int height, float fraction) {
        final int columns = Math.round(fraction * displayedWidth(width, height));
        final boolean fromStart = quarterTurns == 3 || (quarterTurns == 0 && !mirrored) || (quarterTurns == 2 && mirrored);
        if (quarterTurns % 2 == 0) {
            final int left = fromStart ? 0 : evenBelow(width - columns);
            return new int[] {left, 0, columns == 0 ? 0 : fromStart ? columns : width - left, height};
        }
        final int top = fromStart ? 0 : evenBelow(height - columns);
        return new int[] {0, top, width, columns == 0 ? 0 : fromStart ? columns : height - top};
    }

    private static int evenBelow(int value) {
        return value - value % 2;
    }

    @Override
    public String toString() {
        return 90 * quarterTurns + " degrees" + (mirrored ? ", mirrored" : "");
    }
}
