package org.dcelite.demo.core;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What the benchmark measured, as JSON for {@code dcelite bench --from}, which makes the report of it: {@code $defs/samples} of
 * bench/schema.json.
 */
public final class BenchmarkSamples {
    /** The stages, by their names in the report. */
    private static final String[] STAGES = {"convert", "downsample", "network", "curve"};
    private static final int[] INDICES = {FrameEngine.CONVERT, FrameEngine.DOWNSAMPLE, FrameEngine.NETWORK, FrameEngine.CURVE};

    private final StringBuilder json = new StringBuilder();

    private BenchmarkSamples() {
    }

    /**
     * @param version of the library
     * @param created the end of the measurement, ISO 8601
     * @param times its beginning and end, seconds since 1970
     * @param processors what 0 threads of a case stand for
     * @param android properties of the device
     * @param files texts in which the kernel describes it, by their paths
     */
    public static String of(List<Benchmark.Case> results, Benchmark.Limits limits, String version, String created,
            long[] times, int processors, Map<String, String> android, Map<String, String> files) {
        final BenchmarkSamples samples = new BenchmarkSamples();
        samples.document(results, limits, version, created, times, processors, android, files);
        return samples.json.toString();
    }

    private void document(List<Benchmark.Case> results, Benchmark.Limits limits, String version, String created, long[] times,
            int processors, Map<String, String> android, Map<String, String> files) {
        text("{\"format\": \"dcelite-bench-samples\", \"version\": 2, \"created\": ").string(created);
        text(", \"command\": [], \"interrupted\": false,\n \"settings\": {\"image\": \"dark noise\", \"processors\": null, ");
        text(format("\"runs\": %d, \"seconds\": %.3f, \"max_seconds\": %.3f, \"warm_up\": %d, ", limits.minRuns,
                limits.minSeconds, limits.maxSeconds, limits.warmUpRuns));
        text(format("\"block_ms\": %.3f, \"rounds_of_a_series\": 1},\n", 1e3 * limits.maxSeconds));
        text(" \"machine\": {\"emulated\": false, \"isas\": [], \"machine\": ").string(System.getProperty("os.arch"));
        text(", \"dcelite\": ").string(version).text(", \"android\": ").map(android).text(", \"files\": ").map(files);
        text(format(", \"before\": {\"unix_time\": %d, \"files\": {}}", times[0]));
        text(format(", \"after\": {\"unix_time\": %d, \"files\": {}}},\n", times[1]));
        text(" \"roofline\": {\"multiply_adds_a_second\": {}, \"copied_bytes_a_second\": null, \"energy_source\": null},\n");
        text(" \"results\": [");
        for (int i = 0; i < results.size(); i++) {
            text(i > 0 ? ",\n" : "\n").row(results.get(i), processors);
        }
        text("\n ]}\n");
    }

    private void row(Benchmark.Case result, int processors) {
        final String model = result.engine.isEmpty() ? "shipped weights" : result.engine;
        final String kind = result.kind == Benchmark.Kind.CAMERA ? "camera" : "photograph";
        text("  {\"model\": ").string(model).text(", \"label\": ").string(kind + ", " + model);
        text(", \"engine\": ").string(model.endsWith(".ms") ? "mindspore_lite" : "native");
        text(format(", \"width\": %d, \"height\": %d, \"threads\": %d", result.width, result.height,
                result.threads == 0 ? processors : result.threads));
        if (result.milliseconds == null) {
            text(", \"reason\": ").string(result.failure).text(", \"samples\": []}");
            return;
        }
        text(format(", \"load_ms\": %.6f, \"first_ms\": %.6f", result.openMs, result.firstMs));
        text(", \"stage_runs_ms\": {");
        for (int i = 0; i < STAGES.length; i++) {
            string(STAGES[i]).text(format(": [%.6f], ", result.stageMs[INDICES[i]]));
        }
        text(format("\"total\": [%.6f]},\n   \"samples\": [", result.milliseconds.mean));
        for (int i = 0; i < result.milliseconds.count; i++) {
            text(format("%s[\"run\", 0, %.6f]", i > 0 ? ", " : "", result.milliseconds.get(i)));
        }
        text("]}");
    }

    private static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }

    private BenchmarkSamples text(String text) {
        json.append(text);
        return this;
    }

    private BenchmarkSamples string(String text) {
        json.append('"');
        for (char c : text.toCharArray()) {
            json.append(c < ' ' || c == '"' || c == '\\' ? format("\\u%04x", (int) c) : String.valueOf(c));
        }
        json.append('"');
        return this;
    }

    private BenchmarkSamples map(Map<String, String> texts) {
        String separator = "{";
        for (Map.Entry<String, String> entry : texts.entrySet()) {
            text(separator).string(entry.getKey()).text(": ").string(entry.getValue());
            separator = ", ";
        }
        return text(texts.isEmpty() ? "{}" : "}");
    }
}
