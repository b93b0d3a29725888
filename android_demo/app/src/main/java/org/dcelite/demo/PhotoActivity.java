package org.dcelite.demo;

import android.app.ActivityManager;
import android.content.ActivityNotFoundException;
import android.content.Intent;
import android.database.Cursor;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.graphics.Matrix;
import android.media.ExifInterface;
import android.net.Uri;
import android.os.Bundle;
import android.provider.DocumentsContract;
import android.provider.OpenableColumns;
import android.util.DisplayMetrics;
import android.util.Log;
import android.view.View;
import android.widget.SeekBar;
import android.widget.TextView;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.atomic.AtomicReference;
import org.dcelite.demo.core.FileNames;
import org.dcelite.demo.core.Orientation;
import org.dcelite.demo.core.PictureSize;

/** A photograph, before and after. */
public final class PhotoActivity extends Screen {
    private static final int OPEN = 1;
    private static final int SAVE = 2;
    private static final String STATE_SOURCE = "source";
    private static final int JPEG_QUALITY = 95;
    /** When memory is short after all, the photograph is read at half the size, and again. */
    private static final int ATTEMPTS = 4;

    private final AtomicReference<Amounts> newAmounts = new AtomicReference<>();

    private SplitView picture;
    private TextView message;
    private SeekBar strength;
    private SeekBar denoise;
    private View save;
    private Uri source;

    private Photograph photograph;  // of the worker alone

    /** How to enhance. */
    private static final class Amounts {
        final float strength;
        final float denoise;

        Amounts(float strength, float denoise) {
            this.strength = strength;
            this.denoise = denoise;
        }
    }

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.photo);
        picture = find(R.id.picture);
        message = find(R.id.message);
        save = find(R.id.save);
        strength = slider(R.id.strength, 1, value -> changeAmounts());
        denoise = slider(R.id.denoise, 1, value -> changeAmounts());
        final SeekBar split = slider(R.id.split, 0.5f, picture::setFraction);
        picture.onMove(fraction -> split.setProgress(Math.round(fraction * split.getMax())));
        findViewById(R.id.open).setOnClickListener(view -> choose(OPEN, Intent.ACTION_OPEN_DOCUMENT, "image/*", null));
        save.setOnClickListener(view -> inBackground(() -> {
            final String name = FileNames.enhanced(displayName(source));
            ui.post(() -> choose(SAVE, Intent.ACTION_CREATE_DOCUMENT, "image/jpeg", name));
        }));
        final Uri last = state == null ? null : state.getParcelable(STATE_SOURCE);
        if (last != null) {
            open(last);
        }
    }

    @Override
    protected void onSaveInstanceState(Bundle state) {
        super.onSaveInstanceState(state);
        state.putParcelable(STATE_SOURCE, source);
    }

    @Override
    protected void onDestroy() {
        inBackground(this::release);
        super.onDestroy();
    }

    // Without a name nothing is proposed.
    private void choose(int request, String action, String type, String name) {
        final Intent intent = new Intent(action).addCategory(Intent.CATEGORY_OPENABLE).setType(type);
        try {
            startActivityForResult(intent.putExtra(Intent.EXTRA_TITLE, name), request);
        } catch (ActivityNotFoundException e) {
            message.setText(R.string.photo_no_chooser);
        }
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        if (result != RESULT_OK || data == null || data.getData() == null) {
            return;
        }
        if (request == OPEN) {
            open(data.getData());
        } else if (request == SAVE) {
            message.setText(R.string.photo_saving);
            inBackground(() -> write(data.getData()));
        }
    }

    private void open(Uri uri) {
        source = null;
        save.setEnabled(false);
        picture.show(null, null);
        message.setText(R.string.photo_loading);
        final Amounts wanted = amounts();
        inBackground(() -> load(uri, wanted));
    }

    private Amounts amounts() {
        return new Amounts(fraction(strength), fraction(denoise));
    }

    private void changeAmounts() {
        if (source == null) {
            return;
        }
        // Only the last of several positions that wait is worth the work.
        newAmounts.set(amounts());
        inBackground(() -> {
            final Amounts wanted = newAmounts.getAndSet(null);
            if (wanted != null && photograph != null) {
                photograph.enhance(wanted.strength, wanted.denoise);
                showPhotograph();
            }
        });
    }

    @Override
    void say(String text) {
        ui.post(() -> message.setText(text));
    }

    private void release() {
        if (photograph != null) {
            photograph.close();
            photograph = null;
        }
    }

    private void load(Uri uri, Amounts wanted) throws IOException {
        release();
        final BitmapFactory.Options bounds = new BitmapFactory.Options();
        bounds.inJustDecodeBounds = true;
        decode(uri, bounds);
        if (bounds.outWidth < 1 || bounds.outHeight < 1) {
            throw new FileNotFoundException(uri.toString());
        }
        // What else has EXIF stands as it is, or its decoder turns it.
        final Orientation orientation = "image/jpeg".equals(bounds.outMimeType) ? orientation(uri) : Orientation.NORMAL;
        final DisplayMetrics screen = getResources().getDisplayMetrics();
        int sample = PictureSize.sampleSize(bounds.outWidth, bounds.outHeight, roomInPixels());
        for (int attempt = 1; photograph == null; attempt++, sample *= 2) {
            try {
                photograph = new Photograph(bitmap(uri, sample, orientation),
                        Math.max(screen.widthPixels, screen.heightPixels));
                photograph.enhance(wanted.strength, wanted.denoise);
            } catch (OutOfMemoryError e) {
                release();
                if (attempt == ATTEMPTS) {
                    throw e;
                }
            }
        }
        showPhotograph();
        final int width = orientation.displayedWidth(bounds.outWidth, bounds.outHeight);
        final int height = orientation.displayedHeight(bounds.outWidth, bounds.outHeight);
        say(getString(photograph.width < width ? R.string.photo_reduced : R.string.photo_size, photograph.width,
                photograph.height, width, height));
        ui.post(() -> {
            source = uri;
            save.setEnabled(true);
        });
    }

    private long roomInPixels() {
        final Runtime runtime = Runtime.getRuntime();
        final ActivityManager.MemoryInfo memory = new ActivityManager.MemoryInfo();
        ((ActivityManager) getSystemService(ACTIVITY_SERVICE)).getMemoryInfo(memory);
        return PictureSize.pixels(runtime.maxMemory() - (runtime.totalMemory() - runtime.freeMemory()),
                memory.availMem - memory.threshold);
    }

    // ExifInterface reads streams since API 24; the app is compiled against the classes of API 23.
    private Orientation orientation(Uri uri) throws IOException {
        try (InputStream stream = getContentResolver().openInputStream(uri)) {
            final ExifInterface exif = ExifInterface.class.getConstructor(InputStream.class).newInstance(stream);
            return Orientation.ofExif(exif.getAttributeInt(ExifInterface.TAG_ORIENTATION, 1));
        } catch (ReflectiveOperationException e) {
            return Orientation.NORMAL;  // the header is damaged: as it stands
        }
    }

    private Bitmap decode(Uri uri, BitmapFactory.Options options) throws IOException {
        try (InputStream stream = getContentResolver().openInputStream(uri)) {
            return BitmapFactory.decodeStream(stream, null, options);
        }
    }

    private Bitmap bitmap(Uri uri, int sample, Orientation orientation) throws IOException {
        final BitmapFactory.Options options = new BitmapFactory.Options();
        options.inSampleSize = sample;
        Bitmap bitmap = decode(uri, options);
        if (bitmap == null) {
            throw new FileNotFoundException(uri.toString());  // the file is damaged
        }
        if (bitmap.getConfig() != Bitmap.Config.ARGB_8888) {
            bitmap = replace(bitmap, bitmap.copy(Bitmap.Config.ARGB_8888, false));  // 16 bits a channel
        }
        if (orientation.quarterTurns != 0 || orientation.mirrored) {
            final Matrix turn = new Matrix();
            turn.setScale(orientation.mirrored ? -1 : 1, 1);
            turn.postRotate(90 * orientation.quarterTurns);
            bitmap = replace(bitmap, Bitmap.createBitmap(bitmap, 0, 0, bitmap.getWidth(), bitmap.getHeight(), turn, false));
        }
        return bitmap;
    }

    private static Bitmap replace(Bitmap old, Bitmap replacement) {
        old.recycle();
        return replacement;
    }

    private void showPhotograph() {
        final Bitmap before = photograph.before;
        final Bitmap after = photograph.after;
        ui.post(() -> picture.show(before, after));
    }

    private String displayName(Uri uri) {
        try (Cursor cursor = getContentResolver().query(uri, new String[] {OpenableColumns.DISPLAY_NAME}, null, null, null)) {
            return cursor != null && cursor.moveToFirst() ? cursor.getString(0) : null;
        }
    }

    private void write(Uri target) {
        if (photograph == null) {
            return;
        }
        try (OutputStream stream = getContentResolver().openOutputStream(target)) {
            if (stream == null || !photograph.result.compress(Bitmap.CompressFormat.JPEG, JPEG_QUALITY, stream)) {
                throw new IOException(target.toString());
            }
            say(getString(R.string.photo_saved));
        } catch (IOException | RuntimeException e) {
            say(getString(R.string.photo_not_saved, String.valueOf(e.getMessage())));
            discard(target);
        }
    }

    // Half a file is of no use. Where it cannot be removed either, the failure that has been shown says enough.
    private void discard(Uri target) {
        try {
            DocumentsContract.deleteDocument(getContentResolver(), target);
        } catch (Exception e) {  // FileNotFoundException too, which API 23 did not declare
            Log.w(PhotoActivity.class.getSimpleName(), "not removed: " + target, e);
        }
    }
}
