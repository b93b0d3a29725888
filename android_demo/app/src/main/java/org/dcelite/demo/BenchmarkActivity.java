package org.dcelite.demo;

import android.content.Intent;
import android.os.Build;
import android.os.Bundle;
import android.os.PowerManager;
import android.view.View;
import android.widget.Button;
import android.widget.TextView;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.text.SimpleDateFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Scanner;
import java.util.TimeZone;
import java.util.TreeMap;
import org.dcelite.Enhancer;
import org.dcelite.demo.core.Benchmark;
import org.dcelite.demo.core.BenchmarkSamples;

/** Measures this device. */
public final class BenchmarkActivity extends Screen {
    private static final String STATE_REPORT = "report";

    private TextView report;
    private TextView progress;
    private Button run;
    private View share;
    private Benchmark benchmark;  // while one runs
    private boolean interrupted;
    private String result;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.benchmark);
        report = find(R.id.report);
        progress = find(R.id.progress);
        run = find(R.id.run);
        share = find(R.id.share);
        run.setOnClickListener(view -> {
            if (benchmark == null) {
                begin();
            } else {
                benchmark.cancel();
            }
        });
        share.setOnClickListener(view -> startActivity(Intent.createChooser(
                new Intent(Intent.ACTION_SEND).setType("text/plain").putExtra(Intent.EXTRA_TEXT, result), null)));
        if (state != null) {
            show(state.getString(STATE_REPORT));
        }
    }

    @Override
    protected void onSaveInstanceState(Bundle state) {
        super.onSaveInstanceState(state);
        state.putString(STATE_REPORT, result);
    }

    @Override
    protected void onPause() {
        if (benchmark != null) {
            benchmark.cancel();
            interrupted = true;
        }
        super.onPause();
    }

    private void begin() {
        final Models models = new Models(this);
        final Benchmark started = new Benchmark(models, new Benchmark.Limits());
        benchmark = started;
        interrupted = false;
        run.setText(R.string.benchmark_cancel);
        progress.setText("");
        report.setKeepScreenOn(true);
        inBackground(() -> {
            final List<String> device = device();
            final long begin = System.currentTimeMillis();
            final List<Benchmark.Case> results = started.run(cases(models.available()), this::announce);
            say(Benchmark.report(device, results) + keep(results, begin));
        });
    }

    @Override
    void say(String text) {
        ui.post(() -> end(text));
    }

    // The samples for `dcelite bench --from`, in a file that needs no permission; returns a line that says where.
    private String keep(List<Benchmark.Case> results, long begin) {
        final File file = new File(getExternalFilesDir(null), "benchmark.json");
        final long end = System.currentTimeMillis();
        final SimpleDateFormat iso = new SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss'Z'", Locale.ROOT);
        iso.setTimeZone(TimeZone.getTimeZone("UTC"));
        final Map<String, String> android = new TreeMap<>();
        android.put("ro.product.model", Build.MANUFACTURER + " " + Build.MODEL);
        android.put("ro.soc.model", chip());
        final Map<String, String> files = new TreeMap<>();
        try (FileOutputStream stream = new FileOutputStream(file)) {
            for (String path : new String[] {"/proc/cpuinfo", "/proc/meminfo"}) {
                files.put(path, read(path));
            }
            stream.write(BenchmarkSamples.of(results, new Benchmark.Limits(), Enhancer.version(), iso.format(new Date(end)),
                    new long[] {begin / 1000, end / 1000}, Runtime.getRuntime().availableProcessors(), android, files)
                    .getBytes(StandardCharsets.UTF_8));
            return "\nsamples, for dcelite bench --from: " + file + "\n";
        } catch (IOException e) {
            return "\nsamples: " + file + ": " + e.getMessage() + "\n";
        }
    }

    private static String read(String path) throws IOException {
        try (Scanner scanner = new Scanner(new File(path), "UTF-8").useDelimiter("\\A")) {  // at the beginning alone
            return scanner.hasNext() ? scanner.next() : "";
        }
    }

    private void announce(int index, int count, Benchmark.Case next) {
        final String text = getString(R.string.benchmark_progress, index + 1, count, next.width, next.height,
                Models.title(this, next.engine));
        ui.post(() -> progress.setText(text));
    }

    private void end(String text) {
        benchmark = null;
        run.setText(R.string.benchmark_run);
        progress.setText(interrupted ? getString(R.string.benchmark_interrupted) : "");
        report.setKeepScreenOn(false);
        show(text);
    }

    private void show(String text) {
        result = text;
        if (text != null) {
            report.setText(text);
            share.setEnabled(true);
        }
    }

    private static List<Benchmark.Case> cases(List<String> engines) {
        final List<Benchmark.Case> cases = new ArrayList<>();
        for (String engine : engines) {
            for (int threads = 1; threads >= 0; threads--) {  // one, then one per processor
                cases.add(new Benchmark.Case(Benchmark.Kind.CAMERA, 1280, 720, engine, threads));
                cases.add(new Benchmark.Case(Benchmark.Kind.CAMERA, 1920, 1080, engine, threads));
                cases.add(new Benchmark.Case(Benchmark.Kind.PHOTOGRAPH, 4000, 3000, engine, threads));
            }
        }
        return cases;
    }

    private List<String> device() {
        final PowerManager power = (PowerManager) getSystemService(POWER_SERVICE);
        return Arrays.asList("library " + Enhancer.version(), Build.MANUFACTURER + " " + Build.MODEL + ", " + chip(),
                "Android " + Build.VERSION.RELEASE + " (API " + Build.VERSION.SDK_INT + "), " + Build.SUPPORTED_ABIS[0] + ", "
                + Runtime.getRuntime().availableProcessors() + " processors",
                "power saving " + (power.isPowerSaveMode() ? "on: times are not those of the chip" : "off"));
    }

    // Build.SOC_MODEL came with API 31; the app is compiled against the classes of API 23.
    private static String chip() {
        try {
            final Object maker = Build.class.getField("SOC_MANUFACTURER").get(null);
            return maker + " " + Build.class.getField("SOC_MODEL").get(null);
        } catch (ReflectiveOperationException e) {
            return Build.HARDWARE;
        }
    }
}
