package org.dcelite.demo.core;

/**
 * How a picture in memory is turned for display: first mirrored from left to right, or not, then turned clockwise by quarter
 * turns. That gives the eight ways there are.
 */
public final class Orientation {
    public static final Orientation NORMAL = new Orientation(0, false);

    private static final int[] EXIF_TURNS = {0, 0, 2, 2, 3, 1, 1, 3};
    private static final int[] COSINES = {1, 0, -1, 0};
    private static final int[] SINES = {0, 1, 0, -1};
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
        final float scale = Math.min((float) viewWidth / displayedWidth(width, height),
                (float) viewHeight / displayedHeight(width, height));
        final float cos = scale * COSINES[quarterTurns];
        final float sin = scale * SINES[quarterTurns];
        final float flip = mirrored ? -1 : 1;
        // The middle of the picture is in the middle of the view.
        return new float[] {flip * cos, -sin, (viewWidth - flip * cos * width + sin * height) / 2,
            flip * sin, cos, (viewHeight - flip * sin * width - cos * height) / 2, 0, 0, 1};
    }

    /**
     * The part of the picture in memory that stands left of a vertical line on display.
     *
     * @param fraction where the line is: 0 … 1 of the displayed width
     * @return left, top, width, height; the corner is even, as {@link YuvPlanes#crop} wants it, so that the part may be one
     *     pixel wider than asked for; width or height is 0 where nothing is left of the line
     */
    public int[] leftPart(int width, int height, float fraction) {
        final int length = displayedWidth(width, height);
        final int columns = Math.round(fraction * length);
        final boolean upright = quarterTurns % 2 == 0;
        final boolean fromStart = upright ? mirrored == (quarterTurns == 2) : quarterTurns == 3;
        final int start = fromStart ? 0 : (length - columns) / 2 * 2;
        final int size = columns == 0 || fromStart ? columns : length - start;
        return upright ? new int[] {start, 0, size, height} : new int[] {0, start, width, size};
    }

    /**
     * Where the line between before and after is, on a picture that was touched.
     *
     * @param x of the touch, in a view of this width, in whose middle the picture has {@code shownWidth}
     * @return 0 … 1 of the displayed width of the picture
     */
    public static float lineFraction(float x, float viewWidth, float shownWidth) {
        if (!(shownWidth > 0)) {
            return 0;
        }
        final float within = (x - (viewWidth - shownWidth) / 2) / shownWidth;
        return Math.max(0, Math.min(within, 1));
    }

    /** The inverse of {@link #lineFraction}: x in the view. */
    public static float linePosition(float fraction, float viewWidth, float shownWidth) {
        return (viewWidth - shownWidth) / 2 + fraction * shownWidth;
    }
}
