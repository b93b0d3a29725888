package org.dcelite.demo;

import android.app.Activity;
import android.os.Handler;
import android.os.Looper;
import android.view.View;
import android.widget.SeekBar;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.dcelite.demo.core.Failure;

/** What the screens have in common. */
abstract class Screen extends Activity {
    /** Told where a line or slider is, 0 … 1 of its length. */
    interface Slide {
        void to(float fraction);
    }

    /** Something that takes its time. */
    interface Work {
        void run() throws IOException;
    }

    final Handler ui = new Handler(Looper.getMainLooper());
    private final ExecutorService worker = Executors.newSingleThreadExecutor();

    /** Tells the user; from any thread. */
    abstract void say(String text);

    /** Runs off the thread of the screen, one after the other; a failure becomes words. */
    final void inBackground(Work work) {
        worker.execute(() -> {
            try {
                work.run();
            } catch (IOException | RuntimeException | OutOfMemoryError | LinkageError e) {
                say(words(e));
            }
        });
    }

    /** After what was left to the background. */
    @Override
    protected void onDestroy() {
        ui.removeCallbacksAndMessages(null);
        worker.shutdown();
        super.onDestroy();
    }

    @SuppressWarnings("unchecked")
    final <V extends View> V find(int id) {
        return (V) findViewById(id);
    }

    /** Puts a slider at a fraction of its length and listens to what the user does with it. */
    final SeekBar slider(int id, float fraction, Slide slide) {
        final SeekBar bar = find(id);
        bar.setProgress(Math.round(fraction * bar.getMax()));
        bar.setOnSeekBarChangeListener(new SeekBar.OnSeekBarChangeListener() {
            @Override
            public void onProgressChanged(SeekBar moved, int progress, boolean fromUser) {
                slide.to(fraction(moved));
            }

            @Override
            public void onStartTrackingTouch(SeekBar moved) {
            }

            @Override
            public void onStopTrackingTouch(SeekBar moved) {
            }
        });
        return bar;
    }

    static float fraction(SeekBar bar) {
        return (float) bar.getProgress() / bar.getMax();
    }

    /** A failure in the user's words, with those of the library where they say more. */
    final String words(Throwable cause) {
        if (cause instanceof FileNotFoundException) {
            return getString(R.string.photo_unreadable);
        }
        switch (Failure.of(cause)) {
            case MEMORY:
                return getString(R.string.failure_memory);
            case MODEL:
                return getString(R.string.failure_model, cause.getMessage());
            case LIBRARY:
                return getString(R.string.failure_library, cause.getMessage());
            default:
                return getString(R.string.failure_other, cause.getMessage() == null ? cause : cause.getMessage());
        }
    }
}
