package org.dcelite.demo.core;

/** The vertical line between before and after. */
public final class Split {
    private Split() {
    }

    /**
     * Where the line is on a picture that was touched.
     *
     * @param x of the touch, in a view of this width, in whose middle the picture has {@code shownWidth}
     * @return 0 … 1 of the displayed width of the picture
     */
    public static float fraction(float x, float viewWidth, float shownWidth) {
        if (!(shownWidth > 0)) {
            return 0;
        }
        final float within = (x - (viewWidth - shownWidth) / 2) / shownWidth;
        return Math.max(0, Math.min(within, 1));
    }

    /** The inverse of {@link #fraction}: x in the view. */
    public static float position(float fraction, float viewWidth, float shownWidth) {
        return (viewWidth - shownWidth) / 2 + fraction * shownWidth;
    }
}
