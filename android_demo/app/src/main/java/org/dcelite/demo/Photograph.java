package org.dcelite.demo;

import android.graphics.Bitmap;
import java.nio.ByteBuffer;
import org.dcelite.demo.core.FrameEngine;
import org.dcelite.demo.core.LiveSettings;
import org.dcelite.demo.core.Preview;

/** A photograph in full size, what the engine makes of it, and both in a size for the screen. */
final class Photograph implements AutoCloseable {
    /** In full size. */
    final Bitmap result;
    final Bitmap before;
    Bitmap after;
    private final Bitmap source;
    private final ByteBuffer pixels;
    private final FrameEngine engine;
    private final int factor;

    /** @param source belongs to this object from now on, unless this throws OutOfMemoryError */
    Photograph(Bitmap source, int screenSize, FrameEngine.Factory factory) {
        this.source = source;
        source.setHasAlpha(false);
        pixels = ByteBuffer.allocateDirect(4 * width() * height());
        result = Bitmap.createBitmap(width(), height(), Bitmap.Config.ARGB_8888);
        result.setHasAlpha(false);
        factor = Preview.factor(width(), height(), screenSize, screenSize);
        copySource();
        before = preview();
        after = before;
        engine = factory.open(LiveSettings.SHIPPED, 0);
    }

    int width() {
        return source.getWidth();
    }

    int height() {
        return source.getHeight();
    }

    void enhance(float strength) {
        copySource();
        engine.set(strength, 0);
        engine.enhance(pixels, width(), height());
        result.copyPixelsFromBuffer(pixels);
        pixels.clear();
        after = preview();
    }

    private void copySource() {
        pixels.clear();
        source.copyPixelsToBuffer(pixels);
        pixels.clear();
    }

    // A new bitmap each time: the screen may still be drawing the last one.
    private Bitmap preview() {
        final int width = Preview.size(width(), factor);
        final int height = Preview.size(height(), factor);
        final ByteBuffer small = ByteBuffer.allocateDirect(4 * width * height);
        Preview.shrink(pixels, width(), height(), factor, small);
        final Bitmap bitmap = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888);
        bitmap.copyPixelsFromBuffer(small);
        bitmap.setHasAlpha(false);
        return bitmap;
    }

    @Override
    public void close() {
        engine.close();
        source.recycle();
        result.recycle();
    }
}
