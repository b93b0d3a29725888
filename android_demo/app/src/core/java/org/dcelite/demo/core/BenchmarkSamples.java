package org.dcelite.demo.core;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What the benchmark measured, as JSON for {@code dcelite bench --from}, which makes the report of it: {@code $defs/samples} of
 * bench/schema.json.
 */
public final class BenchmarkSamples {
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
        final StringBuilder rows = new StringBuilder();
        for (Benchmark.Case result : results) {
            rows.append(rows.length() > 0 ? ",\n  " : "\n  ").append(row(result, processors));
        }
        final String head = format("{\"format\": \"dcelite-bench-samples\", \"version\": 2, \"created\": %s, \"command\": [], "
                + "\"interrupted\": false,\n \"settings\": {\"image\": \"dark noise\", \"processors\": null, \"runs\": %d, "
                + "\"seconds\": %.3f, \"max_seconds\": %.3f, \"warm_up\": %d, \"block_ms\": %.3f, "
                + "\"rounds_of_a_series\": 1},\n", quoted(created),
                limits.minRuns, limits.minSeconds, limits.maxSeconds, limits.warmUpRuns, 1e3 * limits.maxSeconds);
        final String machine = format(" \"machine\": {\"emulated\": false, \"isas\": [], \"machine\": %s, \"dcelite\": %s, "
                + "\"android\": %s, \"files\": %s, \"before\": {\"unix_time\": %d, \"files\": {}}, "
                + "\"after\": {\"unix_time\": %d, \"files\": {}}},\n",
                quoted(System.getProperty("os.arch")), quoted(version), map(android), map(files), times[0], times[1]);
        return head + machine
                + " \"roofline\": {\"multiply_adds_a_second\": {}, \"copied_bytes_a_second\": null, \"energy_source\": null},\n"
                + " \"results\": [" + rows + "\n ]}\n";
    }

    private static String row(Benchmark.Case result, int processors) {
        final String model = result.modelName();
        final String what = format("{\"model\": %s, \"label\": %s, \"engine\": \"%s\", \"width\": %d, \"height\": %d, "
                + "\"threads\": %d", quoted(model), quoted(result.kindName() + ", " + model),
                model.endsWith(".ms") ? "mindspore_lite" : "native", result.width, result.height,
                result.threads == 0 ? processors : result.threads);
        if (result.milliseconds == null) {
            return what + format(", \"reason\": %s, \"samples\": []}", quoted(result.failure));
        }
        final StringBuilder text = new StringBuilder(what);
        text.append(format(", \"load_ms\": %.6f, \"first_ms\": %.6f, \"stage_runs_ms\": {", result.openMs, result.firstMs));
        for (int i = 0; i < FrameEngine.STAGES; i++) {
            text.append(format("\"%s\": [%.6f], ", FrameStatistics.NAMES[i], result.stageMs[i]));
        }
        text.append(format("\"total\": [%.6f]},\n   \"samples\": [", result.milliseconds.mean));
        for (int i = 0; i < result.milliseconds.count; i++) {
            text.append(format("%s[\"run\", 0, %.6f]", i > 0 ? ", " : "", result.milliseconds.get(i)));
        }
        return text + "]}";
    }

    private static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }

    private static String quoted(String text) {
        final StringBuilder json = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            json.append(c < ' ' || c == '"' || c == '\\' ? format("\\u%04x", (int) c) : String.valueOf(c));
        }
        return json.append('"').toString();
    }

    private static String map(Map<String, String> texts) {
        final StringBuilder json = new StringBuilder();
        for (Map.Entry<String, String> entry : texts.entrySet()) {
            json.append(json.length() > 0 ? ", " : "");
            json.append(quoted(entry.getKey())).append(": ").append(quoted(entry.getValue()));
        }
        return "{" + json + "}";
    }
}
