package org.dcelite.demo;

import android.graphics.Bitmap;
import java.nio.ByteBuffer;
import org.dcelite.Enhancer;

/** A photograph in full size, what the library makes of it, and both in a size for the screen. */
final class Photograph implements AutoCloseable {
    /** In full size. */
    final Bitmap result;
    final Bitmap before;
    /** Null until something is enhanced. */
    Bitmap after;
    final int width;
    final int height;
    private final Bitmap source;
    private final ByteBuffer pixels;
    private final Enhancer enhancer;
    private final int screenSize;

    /** @param source belongs to this object from now on, unless this throws OutOfMemoryError */
    Photograph(Bitmap source, int screenSize) {
        this.source = source;
        this.screenSize = screenSize;
        width = source.getWidth();
        height = source.getHeight();
        source.setHasAlpha(false);
        pixels = ByteBuffer.allocateDirect(4 * width * height);
        result = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888);
        result.setHasAlpha(false);
        copySource();
        result.copyPixelsFromBuffer(pixels);
        before = preview();
        enhancer = Enhancer.open();
    }

    void enhance(float strength, float denoise) {
        copySource();
        enhancer.setStrength(strength);
        enhancer.setDenoise(denoise);
        enhancer.enhance(pixels, pixels, Enhancer.RGBA8, width, height, 4 * width, 4 * width);
        result.copyPixelsFromBuffer(pixels);
        after = preview();
    }

    private void copySource() {
        pixels.clear();
        source.copyPixelsToBuffer(pixels);
        pixels.clear();
    }

    // A new bitmap each time: the screen may still be drawing the last one. Large ones are too large for the textures of many
    // phones; they get smaller by halves, since bilinear scaling by more at once leaves out pixels.
    private Bitmap preview() {
        final int longest = Math.max(width, height);
        Bitmap small = result;
        for (int size = longest; size > screenSize;) {
            size = Math.max(size / 2, screenSize);
            final float scale = (float) size / longest;
            small = Bitmap.createScaledBitmap(small, Math.max(1, Math.round(scale * width)),
                    Math.max(1, Math.round(scale * height)), true);
        }
        return small == result ? result.copy(Bitmap.Config.ARGB_8888, false) : small;
    }

    @Override
    public void close() {
        enhancer.close();
        source.recycle();
        result.recycle();
    }
}
