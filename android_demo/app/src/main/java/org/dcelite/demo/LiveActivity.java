package org.dcelite.demo;

import android.Manifest;
import android.content.Intent;
import android.content.SharedPreferences;
import android.content.pm.PackageManager;
import android.net.Uri;
import android.os.Bundle;
import android.os.Handler;
import android.os.HandlerThread;
import android.provider.Settings;
import android.view.SurfaceView;
import android.view.View;
import android.widget.AdapterView;
import android.widget.ArrayAdapter;
import android.widget.Button;
import android.widget.SeekBar;
import android.widget.Spinner;
import android.widget.TextView;
import android.widget.ToggleButton;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.dcelite.demo.core.Frame;
import org.dcelite.demo.core.FramePipeline;
import org.dcelite.demo.core.LiveSettings;
import org.dcelite.demo.core.Orientation;

/**
 * The live picture. Between onResume and onPause, with the permission, there is one camera and one pipeline; both start and
 * stop on the camera's thread, in the order in which the screen comes and goes.
 */
public final class LiveActivity extends Screen {
    private static final int PERMISSION_REQUEST = 1;
    private static final String KEY_ENGINE = "engine";
    private static final String KEY_THREADS = "threads";
    private static final String KEY_STRENGTH = "strength";
    private static final String KEY_SMOOTHING = "smoothing";
    private static final String KEY_DENOISE = "denoise";
    private static final String KEY_FAST = "fast";
    private static final String KEY_SPLIT = "split";
    private static final long STATISTICS_INTERVAL_MS = 500;

    private HandlerThread cameraThread;
    private Handler cameraHandler;

    private LiveScreen screen;
    private Models models;
    private TextView statistics;
    private View notice;
    private TextView message;
    private Button action;
    private SeekBar strength;
    private SeekBar smoothing;
    private SeekBar denoise;
    private SeekBar split;
    private Spinner threads;
    private Spinner precision;
    private List<String> engines;
    private Spinner engine;  // once these are known

    private SharedPreferences preferences;
    private LiveSettings settings;
    private Run run;
    private boolean asking;
    private boolean asked;
    private boolean resumed;

    /** One stretch of live pictures. */
    private final class Run implements CameraSource.Listener, FramePipeline.Sink {
        final FramePipeline pipeline = new FramePipeline(models, this, settings);
        private final CameraSource camera = new CameraSource(LiveActivity.this, cameraHandler, this);
        private volatile boolean over;

        void start() {
            cameraHandler.post(camera::start);
            showStatistics();
        }

        private void showStatistics() {
            if (over) {
                return;
            }
            statistics.setText(pipeline.statistics.describe(pipeline.dropped()));
            if (pipeline.statistics.shown() > 0 && action.getVisibility() == View.GONE) {
                notice.setVisibility(View.GONE);
            }
            ui.postDelayed(this::showStatistics, STATISTICS_INTERVAL_MS);
        }

        void stop() {
            over = true;
            cameraHandler.post(() -> {
                camera.stop();
                pipeline.stop();  // closes all frames, before the reader that owns them goes
                camera.release();
            });
        }

        @Override
        public void frame(Frame frame) {
            pipeline.submit(frame);
        }

        @Override
        public void failed(Throwable cause) {
            failed(words(cause));
        }

        @Override
        public void failed(String text) {
            ui.post(() -> {
                if (!over) {
                    say(text, R.string.live_retry, LiveActivity.this::restart);
                }
            });
        }

        @Override
        public void show(ByteBuffer rgba, int width, int height, Orientation orientation, LiveSettings shown) {
            screen.draw(rgba, width, height, orientation, shown.split);
        }
    }

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.live);
        statistics = find(R.id.statistics);
        notice = find(R.id.notice);
        message = find(R.id.message);
        action = find(R.id.action);
        preferences = getPreferences(MODE_PRIVATE);
        final LiveSettings defaults = LiveSettings.DEFAULTS;
        settings = new LiveSettings(preferences.getString(KEY_ENGINE, defaults.engine),
                preferences.getInt(KEY_THREADS, defaults.threads), preferences.getFloat(KEY_STRENGTH, defaults.strength),
                preferences.getFloat(KEY_SMOOTHING, defaults.smoothing), preferences.getFloat(KEY_DENOISE, defaults.denoise),
                preferences.getFloat(KEY_SPLIT, defaults.split), preferences.getBoolean(KEY_FAST, defaults.fast));
        models = new Models(this);
        cameraThread = new HandlerThread("camera");
        cameraThread.start();
        cameraHandler = new Handler(cameraThread.getLooper());
        screen = new LiveScreen(getResources().getDisplayMetrics().density);
        final SurfaceView view = find(R.id.surface);
        view.getHolder().addCallback(screen);
        prepareControls();
    }

    private void prepareControls() {
        final View controls = find(R.id.controls);
        final ToggleButton showControls = find(R.id.show_controls);
        showControls.setOnCheckedChangeListener(
                (button, checked) -> controls.setVisibility(checked ? View.VISIBLE : View.GONE));
        strength = slider(R.id.strength, settings.strength, value -> readControls());
        smoothing = slider(R.id.smoothing, settings.smoothing / LiveSettings.MAX_SMOOTHING, value -> readControls());
        denoise = slider(R.id.denoise, settings.denoise, value -> readControls());
        split = slider(R.id.split, settings.split, value -> readControls());
        // The controls lie above the picture, so touches beside them arrive at their container.
        findViewById(R.id.root).setOnTouchListener((touched, event) -> {
            split.setProgress(Math.round(screen.fraction(event.getX()) * split.getMax()));
            return true;
        });
        final List<String> counts = new ArrayList<>();
        final int most = Math.min(Runtime.getRuntime().availableProcessors(), LiveSettings.MAX_THREADS);
        for (int count = 0; count <= most; count++) {
            counts.add(count == 0 ? getString(R.string.all_processors) : String.valueOf(count));
        }
        threads = spinner(R.id.threads, counts, settings.threads);
        precision = spinner(R.id.precision, Arrays.asList(getString(R.string.exact), getString(R.string.fast)),
                settings.fast ? 1 : 0);
        inBackground(() -> {
            final List<String> available = models.available();
            ui.post(() -> prepareEngines(available));
        });
    }

    private void prepareEngines(List<String> available) {
        final List<String> titles = new ArrayList<>();
        for (String name : available) {
            titles.add(Models.title(this, name));
        }
        engines = available;
        // Index -1: the one that was chosen is not in this version of the app.
        engine = spinner(R.id.engine, titles, Math.max(0, engines.indexOf(settings.engine)));
        readControls();
    }

    private Spinner spinner(int id, List<String> titles, int chosen) {
        final ArrayAdapter<String> adapter = new ArrayAdapter<>(this, android.R.layout.simple_spinner_item, titles);
        adapter.setDropDownViewResource(android.R.layout.simple_spinner_dropdown_item);
        final Spinner spinner = find(id);
        spinner.setAdapter(adapter);
        spinner.setSelection(Math.min(chosen, titles.size() - 1));
        spinner.setOnItemSelectedListener(new AdapterView.OnItemSelectedListener() {
            @Override
            public void onItemSelected(AdapterView<?> parent, View view, int position, long row) {
                readControls();
            }

            @Override
            public void onNothingSelected(AdapterView<?> parent) {
            }
        });
        return spinner;
    }

    private void readControls() {
        final String chosen = engine == null ? settings.engine : engines.get(engine.getSelectedItemPosition());
        final LiveSettings changed = new LiveSettings(chosen, threads.getSelectedItemPosition(), fraction(strength),
                LiveSettings.MAX_SMOOTHING * fraction(smoothing), fraction(denoise), fraction(split),
                precision == null ? settings.fast : precision.getSelectedItemPosition() == 1);
        final boolean otherEngine = !changed.sharesEngineWith(settings);
        settings = changed;
        if (run != null) {
            run.pipeline.configure(changed);
            if (otherEngine && action.getVisibility() == View.VISIBLE) {
                restart();  // the notice may be about the engine before
            }
        }
    }

    @Override
    protected void onResume() {
        super.onResume();
        resumed = true;
        if (!asking) {
            begin();
        }
    }

    @Override
    protected void onPause() {
        resumed = false;
        end();
        preferences.edit().putString(KEY_ENGINE, settings.engine).putInt(KEY_THREADS, settings.threads)
                .putFloat(KEY_STRENGTH, settings.strength).putFloat(KEY_SMOOTHING, settings.smoothing)
                .putFloat(KEY_DENOISE, settings.denoise).putFloat(KEY_SPLIT, settings.split)
                .putBoolean(KEY_FAST, settings.fast).apply();
        super.onPause();
    }

    @Override
    protected void onDestroy() {
        cameraThread.quitSafely();  // after what onPause left for it
        super.onDestroy();
    }

    private void begin() {
        if (checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED) {
            say(getString(R.string.live_starting), 0, null);
            run = new Run();
            run.start();
        } else if (shouldShowRequestPermissionRationale(Manifest.permission.CAMERA)) {
            say(getString(R.string.camera_permission_why), R.string.camera_permission_ask, this::ask);
        } else if (asked) {  // and the user refused for good, now or before
            say(getString(R.string.camera_permission_refused), R.string.camera_permission_settings, this::openSettings);
        } else {
            ask();
        }
    }

    private void end() {
        if (run != null) {
            run.stop();
            run = null;
        }
    }

    private void restart() {
        end();
        begin();
    }

    private void ask() {
        asking = true;
        requestPermissions(new String[] {Manifest.permission.CAMERA}, PERMISSION_REQUEST);
    }

    @Override
    public void onRequestPermissionsResult(int request, String[] permissions, int[] results) {
        asking = false;
        asked = results.length > 0;  // else the question was interrupted, and is asked again
        // On some versions the screen has been resumed by now, on others it is resumed after this.
        if (resumed) {
            begin();
        }
    }

    private void openSettings() {
        startActivity(new Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, Uri.fromParts("package", getPackageName(), null)));
    }

    @Override
    void say(String text) {
        ui.post(() -> say(text, R.string.live_retry, this::restart));
    }

    // Button 0: none.
    private void say(String text, int button, Runnable onButton) {
        message.setText(text);
        notice.setVisibility(View.VISIBLE);
        action.setVisibility(button == 0 ? View.GONE : View.VISIBLE);
        if (button != 0) {
            action.setText(button);
            action.setOnClickListener(view -> onButton.run());
        }
    }
}
