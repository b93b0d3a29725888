package org.dcelite.demo;

import android.content.Context;
import android.view.View;
import android.widget.SeekBar;
import org.dcelite.demo.core.Failure;

/** What the screens have in common. */
final class Screen {
    /** Told where a slider is, 0 … 1 of its length. */
    interface Slide {
        void to(float fraction);
    }

    private Screen() {
    }

    /** Apps for Android 15 draw under the system's bars and the camera's cut-out: keeps these controls beside them. */
    static void keepClearOfBars(View root) {
        final int left = root.getPaddingLeft();
        final int top = root.getPaddingTop();
        final int right = root.getPaddingRight();
        final int bottom = root.getPaddingBottom();
        root.setOnApplyWindowInsetsListener((view, insets) -> {
            view.setPadding(left + insets.getSystemWindowInsetLeft(), top + insets.getSystemWindowInsetTop(),
                    right + insets.getSystemWindowInsetRight(), bottom + insets.getSystemWindowInsetBottom());
            return insets.consumeSystemWindowInsets();
        });
    }

    /** Puts a slider at a fraction of its length and listens to what the user does with it. */
    static void onSlide(SeekBar bar, float fraction, Slide slide) {
        bar.setProgress(Math.round(fraction * bar.getMax()));
        bar.setOnSeekBarChangeListener(new SeekBar.OnSeekBarChangeListener() {
            @Override
            public void onProgressChanged(SeekBar moved, int progress, boolean fromUser) {
                slide.to((float) progress / moved.getMax());
            }

            @Override
            public void onStartTrackingTouch(SeekBar moved) {
            }

            @Override
            public void onStopTrackingTouch(SeekBar moved) {
            }
        });
    }

    /** A failure in the user's words, with those of the library where they say more. */
    static String words(Context context, Failure failure, Throwable cause) {
        switch (failure) {
            case MEMORY:
                return context.getString(R.string.failure_memory);
            case MODEL:
                return context.getString(R.string.failure_model, cause.getMessage());
            case LIBRARY:
                return context.getString(R.string.failure_library, cause.getMessage());
            default:
                return context.getString(R.string.failure_other, cause.getMessage() == null ? cause : cause.getMessage());
        }
    }
}
