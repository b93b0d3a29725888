package org.dcelite.demo;

import android.content.Context;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.Matrix;
import android.graphics.Paint;
import android.util.AttributeSet;
import android.view.MotionEvent;
import android.view.View;
import org.dcelite.demo.core.Orientation;

/** Shows two pictures of one size: one left of a line, one right of it. A finger moves the line. */
public final class SplitView extends View {
    private static final float LINE_DP = 2;

    private final Paint picturePaint = new Paint(Paint.FILTER_BITMAP_FLAG);
    private final Paint linePaint = new Paint();
    private final Matrix matrix = new Matrix();
    private Bitmap before;
    private Bitmap after;
    private float fraction = 0.5f;
    private float shownWidth;
    private Screen.Slide listener;

    public SplitView(Context context, AttributeSet attributes) {
        super(context, attributes);
        linePaint.setColor(Color.WHITE);
        linePaint.setStrokeWidth(LINE_DP * getResources().getDisplayMetrics().density);
    }

    /** Null for both: nothing is shown. */
    void show(Bitmap newBefore, Bitmap newAfter) {
        before = newBefore;
        after = newAfter;
        invalidate();
    }

    void setFraction(float value) {
        fraction = value;
        invalidate();
    }

    void onMove(Screen.Slide slide) {
        listener = slide;
    }

    @Override
    protected void onDraw(Canvas canvas) {
        if (before == null || after == null) {
            return;
        }
        final float[] values = Orientation.NORMAL.fit(before.getWidth(), before.getHeight(), getWidth(), getHeight());
        matrix.setValues(values);
        shownWidth = values[0] * before.getWidth();
        final float x = Orientation.linePosition(fraction, getWidth(), shownWidth);
        draw(canvas, before, 0, x);
        draw(canvas, after, x, getWidth());
        canvas.drawLine(x, 0, x, getHeight(), linePaint);
    }

    private void draw(Canvas canvas, Bitmap bitmap, float left, float right) {
        canvas.save();
        canvas.clipRect(left, 0, right, getHeight());
        canvas.drawBitmap(bitmap, matrix, picturePaint);
        canvas.restore();
    }

    @Override
    public boolean onTouchEvent(MotionEvent event) {
        if (before == null || listener == null) {
            return super.onTouchEvent(event);
        }
        if (event.getActionMasked() == MotionEvent.ACTION_UP) {
            performClick();
        }
        listener.to(Orientation.lineFraction(event.getX(), getWidth(), shownWidth));
        return true;
    }
}
