package org.dcelite.demo;

import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.Matrix;
import android.graphics.Paint;
import android.view.Surface;
import android.view.SurfaceHolder;
import java.nio.ByteBuffer;
import org.dcelite.demo.core.Orientation;

/** Draws pictures to a surface, from the thread that makes them. The surface comes and goes on the thread of the screen. */
final class LiveScreen implements SurfaceHolder.Callback {
    private static final float LINE_DP = 2;

    private final Paint picturePaint = new Paint(Paint.FILTER_BITMAP_FLAG);
    private final Paint linePaint = new Paint();
    private final Matrix matrix = new Matrix();
    private Bitmap bitmap;  // of the thread that draws

    // Guarded by this object's monitor; a surface must not go while it is drawn to.
    private Surface surface;
    private int width;
    private int height;
    private float shownWidth;

    LiveScreen(float density) {
        linePaint.setColor(Color.WHITE);
        linePaint.setStrokeWidth(LINE_DP * density);
    }

    @Override
    public void surfaceCreated(SurfaceHolder holder) {
        // surfaceChanged follows, with the size.
    }

    @Override
    public synchronized void surfaceChanged(SurfaceHolder holder, int format, int newWidth, int newHeight) {
        surface = holder.getSurface();
        width = newWidth;
        height = newHeight;
    }

    @Override
    public synchronized void surfaceDestroyed(SurfaceHolder holder) {
        surface = null;
    }

    /** Where a touch is on the picture: 0 … 1 of its width. */
    synchronized float fraction(float x) {
        return Orientation.lineFraction(x, width, shownWidth);
    }

    void draw(ByteBuffer rgba, int pictureWidth, int pictureHeight, Orientation orientation, float split) {
        if (bitmap == null || bitmap.getWidth() != pictureWidth || bitmap.getHeight() != pictureHeight) {
            bitmap = Bitmap.createBitmap(pictureWidth, pictureHeight, Bitmap.Config.ARGB_8888);
            bitmap.setHasAlpha(false);
        }
        bitmap.copyPixelsFromBuffer(rgba);
        synchronized (this) {
            if (surface == null || !surface.isValid()) {
                return;
            }
            final float[] values = orientation.fit(pictureWidth, pictureHeight, width, height);
            matrix.setValues(values);
            // One of the two is 0: the picture is turned by quarters.
            shownWidth = Math.abs(values[0]) * pictureWidth + Math.abs(values[1]) * pictureHeight;
            final Canvas canvas = surface.lockHardwareCanvas();
            try {
                canvas.drawColor(Color.BLACK);
                canvas.drawBitmap(bitmap, matrix, picturePaint);
                if (split > 0 && split < 1) {
                    final float x = Orientation.linePosition(split, width, shownWidth);
                    canvas.drawLine(x, 0, x, height, linePaint);
                }
            } finally {
                surface.unlockCanvasAndPost(canvas);
            }
        }
    }
}
