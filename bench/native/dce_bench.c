/* dce_bench - the native part of `dcelite bench` for machines without Python:
 *
 *     adb push dce_bench /data/local/tmp && adb shell /data/local/tmp/dce_bench --size 1920x1080 --threads 1 --threads 4
 *
 * Prints a table, or with --json the document of bench/schema.json, which `dcelite bench compare` reads. The picture is that
 * of bench/scene.py; results are compared with the scalar kernels, which are the specification of the others.
 */
#define _GNU_SOURCE
#include <dcelite.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "roofline.h"
#include "scene.h"

enum { kRoundsOfASeries = 20, kRoundsInAPlace = 10 }; /* as in bench/change.py */
enum { kMaxSizes = 16, kMaxThreads = 16, kMaxModels = 16, kMaxIsas = 4, kMaxBlocks = 4096, kMaxCores = 256 };

static const char *const kIsas[kMaxIsas] = {"avx512", "avx2", "neon", "scalar"}; /* best first */

static const double kSettleMs = 4.0, kLongRunMs = 250.0; /* as in bench/measure.py */
static const double kProbeSeconds = 0.004;               /* as in bench/roofline.py */
static const double kLargestSpread = 0.15;               /* as in bench/report.py */
static const int kMultiplyAddsOfCurve = 17;              /* for a value: see bench/roofline.py */

typedef struct Settings {
    const char *models[kMaxModels]; /* null: the shipped weights */
    int model_count;
    const char *isas[kMaxIsas];
    int isa_count;
    int32_t sizes[kMaxSizes][2];
    int size_count;
    int threads[kMaxThreads];
    int thread_count;
    int runs, warm_up;
    double seconds, max_seconds, block_ms;
    const char *json; /* file name; null: none */
    int overwrite;
} Settings;

typedef struct Block {
    int round, first, count; /* the samples of a round */
    double probe, parallel;  /* ms of the fixed work next to them, on one core and shared; -1: not known */
} Block;

typedef struct Samples {
    double *values; /* ms */
    int count, room;
} Samples;

enum { kConvert, kDownsample, kNetwork, kCurve, kRest, kTotal, kStages };
static const char *const kStageNames[kStages] = {"convert", "downsample", "network", "curve", "rest", "total"};

typedef struct Picture {
    uint8_t *pixels, *out;
    size_t size;
} Picture;

typedef struct Row {
    const char *model, *isa;
    int32_t width, height;
    int threads;
    char reason[320]; /* why there are no times; "" where there are */
    Picture *picture;
    dce_enhancer *handle, *staged; /* the second one reads the clock between its stages */
    dce_image source, destination;
    double load_ms, first_ms;
    Samples times, stages[kStages];
    double staged_shortest_ms;
    Block *blocks;
    int block_count;
    double timed_ms, spent_ms;
    double equal; /* share; -1: not compared */
    int largest_difference;
    double squares, brightness;
    long extra_bytes, resident_bytes; /* -1: not measured */
    long long multiply_adds;
} Row;

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

static double now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec;
}

static void fail(const char *option, const char *value, const char *wanted) {
    fprintf(stderr, "dce_bench: error: %s %s: %s\n", option, value, wanted);
    exit(2);
}

/* ---- options ---- */

static long number_of(const char *option, const char *text, long least, long most) {
    char *end, wanted[64];
    long value;
    errno = 0;
    value = strtol(text, &end, 10);
    snprintf(wanted, sizeof wanted, "%ld to %ld was wanted", least, most);
    if (end == text || *end || errno || value < least || value > most) fail(option, text, wanted);
    return value;
}

static double seconds_of(const char *option, const char *text) {
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end || !(value >= 0.0 && value <= 3600.0)) fail(option, text, "0 to 3600 seconds were wanted");
    return value;
}

static void add_size(Settings *settings, const char *text) {
    char *end;
    const long width = strtol(text, &end, 10);
    const long height = *end == 'x' ? strtol(end + 1, &end, 10) : 0;
    if (*end || width < 1 || height < 1 || width > DCE_MAX_DIMENSION || height > DCE_MAX_DIMENSION)
        fail("--size", text, "WIDTHxHEIGHT was wanted, as 1200x900");
    if (settings->size_count == kMaxSizes) fail("--size", text, "there are too many");
    settings->sizes[settings->size_count][0] = (int32_t)width;
    settings->sizes[settings->size_count++][1] = (int32_t)height;
}

/* True where the kernels of the core library run with it. */
static int is_available(const char *isa) {
    char names[128];
    dce_list_kernels(names, sizeof names);
    for (const char *name = strtok(names, " "); name; name = strtok(NULL, " "))
        if (strcmp(name, isa) == 0) return 1;
    return 0;
}

static void add_isa(Settings *settings, const char *isa) {
    for (int i = 0; i < settings->isa_count; ++i)
        if (strcmp(settings->isas[i], isa) == 0) return;
    settings->isas[settings->isa_count++] = isa;
}

static void add_isas(Settings *settings, const char *text) {
    int known = strcmp(text, "all") == 0;
    for (int i = 0; i < kMaxIsas; ++i) {
        if (strcmp(text, kIsas[i]) == 0)
            add_isa(settings, kIsas[i]);
        else if (strcmp(text, "all") == 0 && is_available(kIsas[i]))
            add_isa(settings, kIsas[i]);
        known |= strcmp(text, kIsas[i]) == 0;
    }
    if (!known) fail("--isa", text, "avx512, avx2, neon, scalar or all was wanted");
}

static const char kHelp[] =
    "usage: dce_bench [--model FILE.dce]... [--size WxH]... [--threads N]... [--isa ISA|all]...\n"
    "                 [--runs N] [--seconds S] [--max-seconds S] [--warm-up N]\n"
    "                 [--json FILE [--overwrite]]\n"
    "\n"
    "Times every model with every size, number of threads and instruction set, in turn.\n"
    "Without options: the shipped weights, 1200x900, 1 thread, the best instruction set;\n"
    "50 runs and 4 seconds at least, 10 seconds at most, 3 runs to warm up.\n"
    "MindSpore Lite's --modelFile, --numThreads, --loopCount and --warmUpLoopCount are understood too.\n";

static int is_option(const char *given, const char *name, const char *of_lite) {
    return strcmp(given, name) == 0 || (of_lite && strcmp(given, of_lite) == 0);
}

static Settings parse(int count, char **arguments) {
    Settings settings;
    struct stat existing;
    memset(&settings, 0, sizeof settings);
    settings.runs = 50;
    settings.warm_up = 3;
    settings.seconds = 4.0;
    settings.max_seconds = 10.0;
    settings.block_ms = 20.0;
    for (int i = 1; i < count; ++i) {
        const char *option = arguments[i], *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0) {
            fputs(kHelp, stdout);
            exit(0);
        }
        if (strcmp(option, "--overwrite") == 0) {
            settings.overwrite = 1;
            continue;
        }
        if (!value) fail(option, "", "is not an option, or wants a value (--help lists them)");
        ++i;
        if (is_option(option, "--model", "--modelFile")) {
            if (settings.model_count == kMaxModels) fail(option, value, "there are too many");
            settings.models[settings.model_count++] = strcmp(value, "shipped") == 0 ? NULL : value;
        } else if (is_option(option, "--size", NULL)) {
            add_size(&settings, value);
        } else if (is_option(option, "--threads", "--numThreads")) {
            if (settings.thread_count == kMaxThreads) fail(option, value, "there are too many");
            settings.threads[settings.thread_count++] = (int)number_of(option, value, 1, 64);
        } else if (is_option(option, "--isa", NULL)) {
            add_isas(&settings, value);
        } else if (is_option(option, "--runs", "--loopCount")) {
            settings.runs = (int)number_of(option, value, 1, 1000000);
        } else if (is_option(option, "--warm-up", "--warmUpLoopCount")) {
            settings.warm_up = (int)number_of(option, value, 0, 1000000);
        } else if (is_option(option, "--seconds", NULL)) {
            settings.seconds = seconds_of(option, value);
        } else if (is_option(option, "--max-seconds", NULL)) {
            settings.max_seconds = seconds_of(option, value);
        } else if (is_option(option, "--json", NULL)) {
            settings.json = value;
        } else {
            fail(option, value, "is not an option (--help lists them)");
        }
    }
    if (settings.json && stat(settings.json, &existing) == 0) {
        if (!S_ISREG(existing.st_mode)) fail("--json", settings.json, "is no file, a file name was wanted");
        if (!settings.overwrite) fail("--json", settings.json, "exists already; give another name or --overwrite");
    }
    if (!settings.model_count) settings.models[settings.model_count++] = NULL;
    if (!settings.size_count) add_size(&settings, "1200x900");
    if (!settings.thread_count) settings.threads[settings.thread_count++] = 1;
    for (int i = 0; !settings.isa_count && i < kMaxIsas; ++i)
        if (is_available(kIsas[i])) add_isa(&settings, kIsas[i]);
    return settings;
}

/* ---- rows ---- */

static dce_status open_model(const Row *row, const char *isa, int timings, dce_enhancer **handle) {
    dce_options options;
    dce_status status;
    dce_options_init(&options);
    options.model_path = row->model;
    options.threads = row->threads;
    options.timings = timings;
    setenv("DCELITE_ISA", isa, 1);
    status = dce_open(&options, handle);
    unsetenv("DCELITE_ISA");
    return status;
}

static void note_failure(Row *row, const dce_enhancer *handle) {
    snprintf(row->reason, sizeof row->reason, "%s", dce_error_message(handle));
}

/* Compares with the scalar kernels. */
static void compare_with_scalar(Row *row) {
    const size_t size = (size_t)row->width * (size_t)row->height * 3;
    uint8_t *wanted = malloc(size);
    const uint8_t *result = row->destination.plane[0];
    dce_image image = row->destination;
    dce_enhancer *handle = NULL;
    double equal = 0.0, sum = 0.0;
    image.plane[0] = wanted;
    if (wanted && open_model(row, "scalar", 0, &handle) == DCE_OK && dce_enhance(handle, &row->source, &image) == DCE_OK) {
        for (size_t i = 0; i < size; ++i) {
            const int difference = abs(result[i] - wanted[i]);
            equal += difference == 0;
            row->squares += (double)difference * difference;
            sum += result[i];
            if (difference > row->largest_difference) row->largest_difference = difference;
        }
        row->equal = equal / (double)size;
        row->brightness = sum / (double)size;
    }
    dce_close(handle);
    free(wanted);
}

static long status_bytes(const char *field) {
    char line[256];
    long value = -1;
    FILE *file = fopen("/proc/self/status", "r");
    if (!file) return -1;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0) value = 1024 * strtol(line + strlen(field), NULL, 10);
    fclose(file);
    return value;
}

static int reset_peak(void) {
    FILE *file = fopen("/proc/self/clear_refs", "w");
    int fine;
    if (!file) return 0;
    fine = fputs("5", file) >= 0;
    return fclose(file) == 0 && fine;
}

/* In a process of its own, so that memory that other rows left to the C library does not hide what this one takes. */
static void measure_memory(Row *row) {
    long found[2] = {-1, -1};
    int ends[2];
    pid_t child;
    row->extra_bytes = row->resident_bytes = -1;
    if (pipe(ends) != 0) return;
    child = fork();
    if (child == 0) {
        dce_enhancer *handle;
        if (reset_peak()) {
            found[0] = status_bytes("VmRSS:");
            if (found[0] >= 0 && open_model(row, row->isa, 0, &handle) == DCE_OK &&
                dce_enhance(handle, &row->source, &row->destination) == DCE_OK &&
                dce_enhance(handle, &row->source, &row->destination) == DCE_OK)
                found[1] = status_bytes("VmHWM:");
        }
        _exit(write(ends[1], found, sizeof found) != (ssize_t)sizeof found);
    }
    close(ends[1]);
    if (child > 0 && read(ends[0], found, sizeof found) == (ssize_t)sizeof found && found[1] >= found[0] && found[0] >= 0) {
        row->resident_bytes = found[0];
        row->extra_bytes = found[1] - found[0];
    }
    close(ends[0]);
    if (child > 0) waitpid(child, NULL, 0);
}

/* Multiply-adds of a frame: each weight of the network for a low-resolution pixel, and the curve on every value. */
static long long frame_multiply_adds(const Row *row, const dce_model_info *info) {
    const long long biases = info->architecture == DCE_ARCHITECTURE_ZERODCEPP ? 486 : 216;
    const long long low =
        (long long)((row->width + info->scale - 1) / info->scale) * ((row->height + info->scale - 1) / info->scale);
    return low * (info->parameters - biases) + 3LL * row->width * row->height * kMultiplyAddsOfCurve;
}

/* Opens both handles; 0 where that fails. */
static int open_handles(Row *row) {
    if (open_model(row, row->isa, 0, &row->handle) != DCE_OK)
        note_failure(row, row->handle);
    else if (open_model(row, row->isa, 1, &row->staged) != DCE_OK)
        note_failure(row, row->staged);
    return !row->reason[0];
}

static void close_handles(Row *row) {
    dce_close(row->handle);
    dce_close(row->staged);
    row->handle = row->staged = NULL;
}

static void connect_picture(Row *row) {
    row->source = (dce_image){.format = DCE_RGB8, .width = row->width, .height = row->height};
    row->source.stride[0] = (ptrdiff_t)row->width * 3;
    row->destination = row->source;
    row->source.plane[0] = row->picture->pixels;
    row->destination.plane[0] = row->picture->out;
}

static int run_once(Row *row, dce_enhancer *handle) {
    if (dce_enhance(handle, &row->source, &row->destination) == DCE_OK) return 1;
    note_failure(row, handle);
    return 0;
}

static void prepare(Row *row) {
    dce_model_info info = {.size = sizeof info};
    const double begin = now_ms();
    double opened;
    if (open_model(row, row->isa, 0, &row->handle) != DCE_OK) {
        note_failure(row, row->handle);
        return;
    }
    opened = now_ms();
    row->load_ms = opened - begin;
    connect_picture(row);
    if (!run_once(row, row->handle)) return;
    row->first_ms = now_ms() - opened;
    if (dce_get_model_info(row->handle, &info) == DCE_OK) row->multiply_adds = frame_multiply_adds(row, &info);
    compare_with_scalar(row);
    close_handles(row);
    open_handles(row);
}

static int keep(Samples *samples, double ms) {
    if (samples->count == samples->room) {
        const int room = samples->room ? 2 * samples->room : 1024;
        double *values = realloc(samples->values, (size_t)room * sizeof *values);
        if (!values) return 0;
        samples->values = values;
        samples->room = room;
    }
    samples->values[samples->count++] = ms;
    return 1;
}

static int settle(Row *row, dce_enhancer *handle) {
    const double begin = now_ms();
    if (row->first_ms < kLongRunMs) do {
            if (!run_once(row, handle)) return 0;
        } while (now_ms() - begin < kSettleMs);
    return 1;
}

static double probe_ms(const Row *row, int threads, void *memory) {
    return memory ? 1e3 * dce_bench_probe(row->isa, threads, kProbeSeconds, memory) : -1.0;
}

static double shorter(double a, double b) { return a < b ? a : b; }

static void time_block(Row *row, int round, const Settings *settings, void *probe_memory) {
    const double begin = now_ms(), probe = probe_ms(row, 1, probe_memory);
    const double parallel = row->threads > 1 ? probe_ms(row, row->threads, probe_memory) : -1.0;
    double start, timed, stop;
    Block *block;
    if (!row->blocks) row->blocks = malloc(kMaxBlocks * sizeof *row->blocks);
    if (!row->blocks || row->block_count == kMaxBlocks || !settle(row, row->handle)) return;
    block = &row->blocks[row->block_count];
    *block = (Block){round, row->times.count, 0, probe, parallel};
    start = timed = now_ms();
    do {
        if (!run_once(row, row->handle)) return;
        stop = now_ms();
        if (!keep(&row->times, stop - start)) return;
        start = stop;
        ++block->count;
    } while (stop - timed < settings->block_ms);
    ++row->block_count;
    row->timed_ms += stop - timed;
    block->probe = shorter(probe, probe_ms(row, 1, probe_memory));
    if (row->threads > 1) block->parallel = shorter(parallel, probe_ms(row, row->threads, probe_memory));
    row->spent_ms += now_ms() - begin;
}

/* In runs of their own, so that the other times are free of the clock that is read between the stages. */
static void time_stages(Row *row, const Settings *settings) {
    const double begin = now_ms();
    double start;
    if (!settle(row, row->staged)) return;
    do {
        dce_timings timings = {.size = sizeof timings};
        double ms[kStages], stop;
        start = now_ms();
        if (!run_once(row, row->staged)) return;
        stop = now_ms();
        if (stop - start < row->staged_shortest_ms || !row->stages[0].count) row->staged_shortest_ms = stop - start;
        dce_get_timings(row->staged, &timings);
        ms[kConvert] = 1e-6 * (double)timings.convert_ns;
        ms[kDownsample] = 1e-6 * (double)timings.downsample_ns;
        ms[kNetwork] = 1e-6 * (double)timings.network_ns;
        ms[kCurve] = 1e-6 * (double)timings.curve_ns;
        ms[kTotal] = 1e-6 * (double)timings.total_ns;
        ms[kRest] = ms[kTotal] - ms[kConvert] - ms[kDownsample] - ms[kNetwork] - ms[kCurve];
        if (ms[kRest] < 0) ms[kRest] = 0;
        for (int i = 0; i < kStages; ++i)
            if (!keep(&row->stages[i], ms[i])) return;
    } while (now_ms() - begin < settings->block_ms);
}

/* Handles and pictures at other places in memory. */
static void renew(Row *rows, int count) {
    for (int i = 0; i < count; ++i)
        if (!rows[i].reason[0]) {
            close_handles(&rows[i]);
            open_handles(&rows[i]);
        }
    for (int i = 0; i < count; ++i) {
        Picture *picture = rows[i].picture;
        Picture copy = {NULL, NULL, picture->size};
        if (i > 0 && rows[i - 1].picture == picture) continue;
        copy.pixels = malloc(picture->size);
        copy.out = malloc(picture->size);
        if (copy.pixels && copy.out && picture->pixels) {
            memcpy(copy.pixels, picture->pixels, picture->size);
            free(picture->pixels);
            free(picture->out);
            *picture = copy;
        } else { /* then it stays where it is */
            free(copy.pixels);
            free(copy.out);
        }
    }
    for (int i = 0; i < count; ++i) connect_picture(&rows[i]);
}

static int is_finished(const Row *row, const Settings *settings) {
    return row->reason[0] || row->block_count == kMaxBlocks || row->spent_ms >= 1e3 * settings->max_seconds ||
           (row->times.count >= settings->runs && row->timed_ms >= 1e3 * settings->seconds);
}

static void take_turns(Row *rows, int count, const Settings *settings, double *peaks, void *probe_memory) {
    int round = 0;
    for (int i = 0; i < count; ++i)
        for (int run = 0; run < settings->warm_up && !rows[i].reason[0] && !interrupted; ++run)
            run_once(&rows[i], rows[i].handle);
    for (int unfinished = 1; unfinished && !interrupted && round < kMaxBlocks; ++round) {
        unfinished = 0;
        if (round && round % kRoundsInAPlace == 0) renew(rows, count);
        for (int i = 0; i < kMaxIsas; ++i) {
            const double rate = peaks[i] > 0 ? dce_bench_multiply_adds(kIsas[i], 0.002) : -1.0;
            if (rate > peaks[i]) peaks[i] = rate;
        }
        for (int i = 0; i < count && !interrupted; ++i)
            if (!rows[i].reason[0] && rows[i].spent_ms < 1e3 * settings->max_seconds) {
                time_block(&rows[i], round, settings, probe_memory);
                if (!rows[i].reason[0] && !interrupted) time_stages(&rows[i], settings);
            }
        for (int i = 0; i < count; ++i) unfinished |= !is_finished(&rows[i], settings);
    }
}

/* ---- statistics ---- */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct Latency {
    double min, mean, deviation, p25, p50, p75, p90, p95, p99, max;
} Latency;

static double percentile(const double *sorted, int count, double percent) {
    const double position = percent / 100.0 * (count - 1);
    const int lower = (int)position;
    const int upper = lower + 1 < count ? lower + 1 : lower;
    return sorted[lower] + (position - lower) * (sorted[upper] - sorted[lower]);
}

static double *sorted_copy(const Samples *samples) {
    double *sorted = malloc((size_t)samples->count * sizeof *sorted);
    if (!sorted) return NULL;
    memcpy(sorted, samples->values, (size_t)samples->count * sizeof *sorted);
    qsort(sorted, (size_t)samples->count, sizeof *sorted, ascending);
    return sorted;
}

/* Means over the middle half of the runs, by their total: the stages and the rest add up to it. */
static int stages_of(const Row *row, double *means) {
    const Samples *totals = &row->stages[kTotal];
    double *sorted = totals->count ? sorted_copy(totals) : NULL;
    double low, high;
    int kept = 0;
    if (!sorted) return 0;
    low = percentile(sorted, totals->count, 25);
    high = percentile(sorted, totals->count, 75);
    free(sorted);
    if (totals->count < 3) low = 0.0, high = 1e300; /* none may lie between the quartiles */
    for (int stage = 0; stage < kStages; ++stage) means[stage] = 0.0;
    for (int run = 0; run < totals->count; ++run) {
        if (totals->values[run] < low || totals->values[run] > high) continue;
        ++kept;
        for (int stage = 0; stage < kStages; ++stage) means[stage] += row->stages[stage].values[run];
    }
    for (int stage = 0; stage < kStages; ++stage) means[stage] /= kept;
    return 1;
}

static int latency_of(const Row *row, Latency *latency) {
    const int count = row->times.count;
    double *sorted = sorted_copy(&row->times), sum = 0.0, squares = 0.0;
    if (!sorted) return 0;
    for (int i = 0; i < count; ++i) sum += sorted[i];
    latency->mean = sum / count;
    for (int i = 0; i < count; ++i) squares += (sorted[i] - latency->mean) * (sorted[i] - latency->mean);
    latency->deviation = count > 1 ? sqrt(squares / (count - 1)) : -1.0;
    latency->min = sorted[0];
    latency->max = sorted[count - 1];
    latency->p25 = percentile(sorted, count, 25);
    latency->p50 = percentile(sorted, count, 50);
    latency->p75 = percentile(sorted, count, 75);
    latency->p90 = percentile(sorted, count, 90);
    latency->p95 = percentile(sorted, count, 95);
    latency->p99 = percentile(sorted, count, 99);
    free(sorted);
    return 1;
}

static const char *model_name(const Row *row) {
    const char *slash;
    if (!row->model) return "shipped weights";
    slash = strrchr(row->model, '/');
    return slash ? slash + 1 : row->model;
}

/* By the header of the file, 24 bytes in; null where that cannot be read. */
static const char *precision_of(const Row *row) {
    unsigned char header[25];
    FILE *file = row->model ? fopen(row->model, "rb") : NULL;
    const int is_read = file && fread(header, 1, sizeof header, file) == sizeof header;
    if (file) fclose(file);
    if (!row->model) return "float32";
    return !is_read || header[24] > 1 ? NULL : header[24] ? "int8" : "float32";
}

static double limit_ms(const Row *row, const double *peaks) {
    for (int i = 0; i < kMaxIsas; ++i)
        if (strcmp(kIsas[i], row->isa) == 0 && peaks[i] > 0)
            return 1e3 * (double)row->multiply_adds / (peaks[i] * row->threads);
    return -1.0;
}

/* What the clock that is read between the stages adds to a frame, as a share. */
static double timing_cost(const Row *row) {
    double shortest = row->times.values[0];
    for (int i = 1; i < row->times.count; ++i)
        if (row->times.values[i] < shortest) shortest = row->times.values[i];
    return row->staged_shortest_ms / shortest - 1.0;
}

/* ---- reports ---- */

static void print_table(const Row *rows, int count, const double *peaks) {
    printf("%-28s %11s %7s %9s %9s %9s %9s %8s %9s %9s %5s\n", "variant", "size", "threads", "min ms", "p50", "p95",
           "frames/s", "x limit", "extra MB", "equal", "diff");
    for (int i = 0; i < count; ++i) {
        const Row *row = &rows[i];
        Latency latency;
        char label[64], size[24];
        snprintf(label, sizeof label, "%.40s %s", model_name(row), row->isa);
        snprintf(size, sizeof size, "%dx%d", (int)row->width, (int)row->height);
        printf("%-28s %11s %7d ", label, size, row->threads);
        if (row->reason[0] || !row->times.count || !latency_of(row, &latency)) {
            printf("no result: %s\n", row->reason[0] ? row->reason : "interrupted before it was timed");
            continue;
        }
        printf("%9.3f %9.3f %9.3f %9.1f %8.2f ", latency.min, latency.p50, latency.p95, 1e3 / latency.p50,
               latency.p50 / limit_ms(row, peaks));
        if (row->extra_bytes >= 0)
            printf("%9.2f ", (double)row->extra_bytes / 1e6);
        else
            printf("%9s ", "-");
        printf("%8.3f%% %5d\n", 100.0 * row->equal, row->largest_difference);
    }
    printf("\n%-28s %11s %7s", "stages (ms)", "size", "threads");
    for (int stage = 0; stage < kStages; ++stage) printf(" %10s", kStageNames[stage]);
    printf("  timing costs\n");
    for (int i = 0; i < count; ++i) {
        char label[64], size[24];
        double stages[kStages];
        if (rows[i].reason[0] || !stages_of(&rows[i], stages)) continue;
        snprintf(label, sizeof label, "%.40s %s", model_name(&rows[i]), rows[i].isa);
        snprintf(size, sizeof size, "%dx%d", (int)rows[i].width, (int)rows[i].height);
        printf("%-28s %11s %7d", label, size, rows[i].threads);
        for (int stage = 0; stage < kStages; ++stage) printf(" %10.4f", stages[stage]);
        printf("  %+.1f%%\n", 100.0 * timing_cost(&rows[i]));
    }
    putchar('\n');
    for (int i = 0; i < count; ++i) {
        Latency latency;
        if (rows[i].reason[0] || !rows[i].times.count || !latency_of(&rows[i], &latency)) continue;
        printf("Model = %s, NumThreads = %d, MinRunTime = %f ms, MaxRuntime = %f ms, AvgRunTime = %f ms\n",
               model_name(&rows[i]), rows[i].threads, latency.min, latency.max, latency.mean);
    }
}

static void json_string(FILE *file, const char *text) {
    if (!text) {
        fputs("null", file);
        return;
    }
    putc('"', file);
    for (; *text; ++text) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < 0x20)
            fprintf(file, "\\u%04x", c);
        else
            putc(c, file);
    }
    putc('"', file);
}

/* The first line of a file of the kernel; null where there is none. */
static const char *line_of(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "r");
    const char *line;
    if (!file) return NULL;
    line = fgets(text, (int)size, file);
    fclose(file);
    if (!line) return NULL;
    text[strcspn(text, "\n")] = '\0';
    return *text ? text : NULL;
}

static void json_integer_of(FILE *file, const char *path) {
    char text[64], *end;
    const char *line = line_of(path, text, sizeof text);
    const long value = line ? strtol(line, &end, 10) : 0;
    if (!line || end == line || *end)
        fputs("null", file);
    else
        fprintf(file, "%ld", value);
}

/* The value after "NAME : " in /proc/cpuinfo or /proc/meminfo. */
static const char *field_of(const char *path, const char *name, char *text, size_t size) {
    FILE *file = fopen(path, "r");
    const char *value = NULL;
    if (!file) return NULL;
    while (!value && fgets(text, (int)size, file)) {
        char *colon = strchr(text, ':');
        if (strncmp(text, name, strlen(name)) != 0 || !colon) continue;
        text[strcspn(text, "\n")] = '\0';
        value = colon + 1 + strspn(colon + 1, " \t");
    }
    fclose(file);
    return value;
}

static void json_kilobytes(FILE *file, const char *name) {
    char text[128];
    const char *value = field_of("/proc/meminfo", name, text, sizeof text);
    if (value)
        fprintf(file, "%lld", 1024LL * strtoll(value, NULL, 10));
    else
        fputs("null", file);
}

static void json_cores(FILE *file) {
    char path[128], text[64];
    int written = 0;
    for (int core = 0; core < kMaxCores; ++core) {
        const char *online;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/core_id", core);
        if (access(path, F_OK) != 0) continue;
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/online", core);
        online = line_of(path, text, sizeof text);
        if (online && strcmp(online, "0") == 0) continue;
        fprintf(file, "%s{\"number\": %d, \"capacity\": ", written++ ? ", " : "", core);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpu_capacity", core);
        json_integer_of(file, path);
        fputs(", \"max_khz\": ", file);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/cpuinfo_max_freq", core);
        json_integer_of(file, path);
        fputs(", \"governor\": ", file);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", core);
        json_string(file, line_of(path, text, sizeof text));
        putc('}', file);
    }
}

static void json_affinity(FILE *file) {
    cpu_set_t allowed;
    int written = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        fputs("null", file);
        return;
    }
    putc('[', file);
    for (int core = 0; core < CPU_SETSIZE; ++core)
        if (CPU_ISSET(core, &allowed)) fprintf(file, "%s%d", written++ ? ", " : "", core);
    putc(']', file);
}

static void json_state(FILE *file, double unix_time) {
    char path[128], text[64], type[64];
    const char *line;
    int written = 0;
    fprintf(file, "{\"unix_time\": %.3f, \"frequencies_khz\": ", unix_time);
    for (int core = 0; core < kMaxCores; ++core) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", core);
        if (!line_of(path, text, sizeof text)) continue;
        fprintf(file, "%s\"%d\": ", written++ ? ", " : "{", core);
        json_integer_of(file, path);
    }
    fputs(written ? "}, \"temperatures_celsius\": " : "null, \"temperatures_celsius\": ", file);
    written = 0;
    for (int zone = 0; zone < kMaxCores; ++zone) {
        char name[96];
        snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/temp", zone);
        line = line_of(path, text, sizeof text);
        if (!line) continue;
        snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/type", zone);
        line = line_of(path, type, sizeof type);
        snprintf(name, sizeof name, "%s (thermal_zone%d)", line ? line : "", zone);
        fputs(written++ ? ", " : "{", file);
        json_string(file, name);
        fprintf(file, ": %.3f", strtod(text, NULL) / 1e3);
    }
    fputs(written ? "}, \"available_memory_bytes\": " : "null, \"available_memory_bytes\": ", file);
    json_kilobytes(file, "MemAvailable");
    line = line_of("/proc/loadavg", text, sizeof text);
    if (line)
        fprintf(file, ", \"load_average\": %.2f}", strtod(line, NULL));
    else
        fputs(", \"load_average\": null}", file);
}

/* The state as JSON, to be kept until the report is written; null where there is no memory. The caller frees it. */
static char *state_now(void) {
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file) return NULL;
    json_state(file, (double)time(NULL));
    fclose(file);
    return text;
}

static void json_system(FILE *file, const char *before) {
    struct utsname name;
    char text[256];
    const char *value;
    int written = 0;
    uname(&name);
    value = field_of("/proc/cpuinfo", "model name", text, sizeof text);
    if (!value) value = field_of("/proc/cpuinfo", "Hardware", text, sizeof text);
    fputs(" \"system\": {\"cpu\": ", file);
    json_string(file, value);
    fputs(", \"board\": ", file);
    json_string(file, line_of("/proc/device-tree/model", text, sizeof text));
    fprintf(file, ", \"android\": null, \"machine\": \"%s\", \"cores\": [", name.machine);
    json_cores(file);
    fputs("], \"affinity\": ", file);
    json_affinity(file);
    fprintf(file, ",\n  \"emulated\": %s, \"virtual\": null, \"isas\": [", dce_bench_is_emulated() ? "true" : "false");
    for (int i = 0; i < kMaxIsas; ++i)
        if (is_available(kIsas[i])) fprintf(file, "%s\"%s\"", written++ ? ", " : "", kIsas[i]);
    fputs("], \"memory_bytes\": ", file);
    json_kilobytes(file, "MemTotal");
    fprintf(file, ", \"kernel\": \"%s\", \"os\": null, \"python\": null, \"dcelite\": \"%s\",\n", name.release, dce_version());
    fprintf(file, "  \"core_library\": {\"version\": \"%s\"}, \"versions\": {},\n  \"before\": ", dce_version());
    if (before)
        fputs(before, file);
    else
        json_state(file, (double)time(NULL));
    fputs(",\n  \"after\": ", file);
    json_state(file, (double)time(NULL));
    fputs("},\n", file);
}

static void json_blocks(FILE *file, const Row *row) {
    putc('{', file);
    for (int i = 0; i < row->block_count; ++i) {
        const Block *block = &row->blocks[i];
        fprintf(file, "%s\"%d\": [", i ? ", " : "", block->round);
        for (int j = 0; j < block->count; ++j) fprintf(file, "%s%.6f", j ? ", " : "", row->times.values[block->first + j]);
        putc(']', file);
    }
    putc('}', file);
}

static void json_probes(FILE *file, const Row *row, int is_parallel) {
    int written = 0;
    putc('{', file);
    for (int i = 0; i < row->block_count; ++i) {
        const Block *block = &row->blocks[i];
        const double time = is_parallel ? block->parallel : block->probe;
        if (time > 0) fprintf(file, "%s\"%d\": %.6f", written++ ? ", " : "", block->round, time);
    }
    putc('}', file);
}

static void json_stages(FILE *file, const Row *row) {
    double stages[kStages];
    if (!row->times.count || !stages_of(row, stages)) {
        fputs("\"stages_ms\": null, \"timing_cost\": null", file);
        return;
    }
    fputs("\"stages_ms\": {", file);
    for (int i = 0; i < kStages; ++i)
        fprintf(file, "%s\"%s\": %.6f", i ? ", " : "", kStageNames[i], stages[i]);
    fprintf(file, "}, \"timing_cost\": %.6f", timing_cost(row));
}

static void json_doubts(FILE *file, const Row *row, const Settings *settings, const Latency *latency, int *count) {
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const char *const separator[] = {"", ", "};
    *count = 0;
    putc('[', file);
    if (dce_bench_is_emulated())
        fprintf(file, "%s\"emulated: these are not the times of a processor\"", separator[(*count)++ > 0]);
    if (row->threads > processors)
        fprintf(file, "%s\"%d threads on %ld processors\"", separator[(*count)++ > 0], row->threads, processors);
    if (latency && (row->times.count < settings->runs || row->timed_ms < 1e3 * settings->seconds))
        fprintf(file, "%s\"too short: %d runs in %.2g s; %d and %g s were wanted\"", separator[(*count)++ > 0],
                row->times.count, row->timed_ms / 1e3, settings->runs, settings->seconds);
    if (latency && (latency->p75 - latency->p25) / latency->p50 > kLargestSpread)
        fprintf(file, "%s\"noisy: the quartiles are %.0f%% of the median apart\"", separator[(*count)++ > 0],
                100.0 * (latency->p75 - latency->p25) / latency->p50);
    putc(']', file);
}

static void json_latency(FILE *file, const Row *row, const Latency *latency) {
    fprintf(file, "{\"count\": %d, \"min\": %.6f, \"mean\": %.6f, \"std\": ", row->times.count, latency->min, latency->mean);
    if (latency->deviation >= 0)
        fprintf(file, "%.6f", latency->deviation);
    else
        fputs("null", file);
    fprintf(file, ", \"p50\": %.6f, \"p90\": %.6f, \"p95\": %.6f, \"p99\": %.6f, \"max\": %.6f, \"spread\": %.6f}",
            latency->p50, latency->p90, latency->p95, latency->p99, latency->max,
            (latency->p75 - latency->p25) / latency->p50);
}

static void json_fidelity(FILE *file, const Row *row) {
    const double values = 3.0 * row->width * row->height;
    if (row->equal < 0) {
        fputs("null", file);
        return;
    }
    fprintf(file, "{\"reference\": \"scalar kernels\", \"equal\": %.9f, \"largest_difference\": %d, \"psnr_db\": ", row->equal,
            row->largest_difference);
    if (row->squares > 0)
        fprintf(file, "%.3f", 10.0 * log10(255.0 * 255.0 * values / row->squares));
    else
        fputs("null", file);
    fprintf(file, ", \"mean_brightness\": %.4f}", row->brightness);
}

static void json_result(FILE *file, const Row *row, const Settings *settings, const double *peaks) {
    Latency latency;
    const int timed = !row->reason[0] && row->times.count && latency_of(row, &latency);
    const double limit = timed ? limit_ms(row, peaks) : -1.0, pixels = (double)row->width * row->height;
    char label[128];
    int doubts;
    snprintf(label, sizeof label, "%.100s %s", model_name(row), row->isa);
    fputs("  {\"label\": ", file);
    json_string(file, label);
    fputs(", \"model\": ", file);
    json_string(file, model_name(row));
    fputs(", \"file\": null, \"precision\": ", file);
    json_string(file, precision_of(row));
    fprintf(file, ", \"engine\": \"native\", \"isa\": \"%s\", \"is_baseline\": false, \"library\": null, \"slowdown\": null, \"width\": %d, ", row->isa, (int)row->width);
    fprintf(file, "\"height\": %d, \"threads\": %d,\n   \"reason\": ", (int)row->height, row->threads);
    json_string(file, timed ? NULL : row->reason[0] ? row->reason : "interrupted before it was timed");
    fputs(", \"doubts\": ", file);
    json_doubts(file, row, settings, timed ? &latency : NULL, &doubts);
    fprintf(file, ", \"valid\": %s, \"load_ms\": %.6f, \"first_ms\": %.6f,\n   \"latency_ms\": ",
            timed && !doubts ? "true" : "false", row->load_ms, row->first_ms);
    if (timed)
        json_latency(file, row, &latency);
    else
        fputs("null", file);
    fputs(",\n   \"blocks_ms\": ", file);
    json_blocks(file, row);
    fputs(",\n   \"probes_ms\": ", file);
    json_probes(file, row, 0);
    fputs(",\n   \"parallel_probes_ms\": ", file);
    json_probes(file, row, 1);
    fputs(", \"smallest_change\": null, \"throttle_ratio\": null, \"speed\": ", file);
    if (timed)
        fprintf(file, "{\"frames_a_second\": %.4f, \"megapixels_a_second\": %.4f, \"ns_a_pixel\": %.6f}", 1e3 / latency.p50,
                1e-3 * pixels / latency.p50, 1e6 * latency.p50 / pixels);
    else
        fputs("null", file);
    fputs(", \"ratios\": [], ", file);
    json_stages(file, row);
    fputs(", \"network_ms\": null, \"network_ratio\": [],\n   \"fidelity\": ", file);
    json_fidelity(file, row);
    if (row->extra_bytes >= 0)
        fprintf(file, ", \"memory\": {\"extra_bytes\": %ld, \"resident_bytes\": %ld}, \"memory_reason\": null, ",
                row->extra_bytes, row->resident_bytes);
    else
        fputs(", \"memory\": null, \"memory_reason\": \"not exposed by the kernel\", ", file);
    if (limit > 0)
        fprintf(file,
                "\"limit\": {\"multiply_adds\": %lld, \"isa\": \"%s\", \"ms\": %.6f, \"times_limit_min\": %.4f, "
                "\"times_limit_p50\": %.4f}, ",
                row->multiply_adds, row->isa, limit, latency.min / limit, latency.p50 / limit);
    else
        fputs("\"limit\": null, ", file);
    fputs("\"energy_joules_per_frame\": null}", file);
}

static void json_document(FILE *file, const Settings *settings, int argument_count, char **arguments, const Row *rows,
                          int count, const double *peaks, double copied, const char *before) {
    char created[64];
    const time_t seconds = time(NULL);
    struct tm parts;
    int written = 0;
    gmtime_r(&seconds, &parts);
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%S+00:00", &parts);
    fprintf(file, "{\"format\": \"dcelite-bench\", \"version\": 2, \"created\": \"%s\", \"command\": [", created);
    for (int i = 1; i < argument_count; ++i) {
        fputs(i > 1 ? ", " : "", file);
        json_string(file, arguments[i]);
    }
    fprintf(file, "], \"interrupted\": %s, \"notes\": [],\n \"settings\": {\"runs\": %d, \"seconds\": %g, ",
            interrupted ? "true" : "false", settings->runs, settings->seconds);
    fprintf(file, "\"max_seconds\": %g, \"warm_up\": %d, \"block_ms\": %g, ", settings->max_seconds, settings->warm_up,
            settings->block_ms);
    fprintf(file, "\"rounds_of_a_series\": %d, ", kRoundsOfASeries);
    fputs("\"image\": \"synthetic dark scene\", \"processors\": null},\n", file);
    json_system(file, before);
    fputs(" \"roofline\": {\"multiply_adds_a_second\": {", file);
    for (int i = 0; i < kMaxIsas; ++i)
        if (peaks[i] > 0) fprintf(file, "%s\"%s\": %.0f", written++ ? ", " : "", kIsas[i], peaks[i]);
    if (copied > 0)
        fprintf(file, "}, \"copied_bytes_a_second\": %.0f", copied);
    else
        fputs("}, \"copied_bytes_a_second\": null", file);
    fputs(", \"energy_source\": null},\n \"results\": [\n", file);
    for (int i = 0; i < count; ++i) {
        json_result(file, &rows[i], settings, peaks);
        fputs(i + 1 < count ? ",\n" : "\n", file);
    }
    fputs(" ]}\n", file);
}

/* Gives a finished file its name; 0 where that is taken by now, without --overwrite. */
static int place(const char *finished, const Settings *settings) {
    if (!settings->overwrite) {
        const int taken = open(settings->json, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (taken < 0) return 0;
        close(taken);
    }
    return rename(finished, settings->json) == 0;
}

/* The file appears when it is complete. */
static int write_json(const Settings *settings, int argument_count, char **arguments, const Row *rows, int count,
                      const double *peaks, double copied, const char *before) {
    const size_t room = strlen(settings->json) + 32;
    char *temporary = malloc(room);
    int written = 0;
    FILE *file = NULL;
    if (temporary) {
        snprintf(temporary, room, "%s.%ld.new", settings->json, (long)getpid());
        file = fopen(temporary, "wx");
    }
    if (file) {
        json_document(file, settings, argument_count, arguments, rows, count, peaks, copied, before);
        written = !ferror(file);
        written = fclose(file) == 0 && written && place(temporary, settings);
    }
    if (!written) {
        fprintf(stderr, "dce_bench: error: %s: cannot be written: %s\n", settings->json, strerror(errno));
        if (file) remove(temporary);
    }
    free(temporary);
    return written;
}

/* ---- the run ---- */

static void prepare_size(Row *rows, int count, Picture *picture) {
    picture->size = (size_t)rows[0].width * (size_t)rows[0].height * 3;
    picture->pixels = malloc(picture->size);
    picture->out = malloc(picture->size);
    if (picture->pixels) draw_scene(picture->pixels, rows[0].width, rows[0].height);
    for (int i = 0; i < count; ++i) {
        rows[i].picture = picture;
        rows[i].equal = -1.0;
        rows[i].extra_bytes = rows[i].resident_bytes = -1;
        if (picture->pixels && picture->out)
            prepare(&rows[i]);
        else
            snprintf(rows[i].reason, sizeof rows[i].reason, "not enough memory");
    }
}

static void free_row(Row *row) {
    close_handles(row);
    free(row->times.values);
    for (int i = 0; i < kStages; ++i) free(row->stages[i].values);
    free(row->blocks);
}

static void *memory_of_probe(void) {
    void *memory = malloc(DCE_BENCH_PROBE_BYTES);
    if (memory) memset(memory, 1, DCE_BENCH_PROBE_BYTES);
    return memory;
}

int main(int argument_count, char **arguments) {
    const Settings settings = parse(argument_count, arguments);
    const int per_size = settings.thread_count * settings.model_count * settings.isa_count;
    const int count = settings.size_count * per_size;
    char *before = state_now();
    Row *rows = calloc((size_t)count, sizeof *rows), *row = rows;
    Picture pictures[kMaxSizes] = {{NULL, NULL, 0}};
    void *probe_memory = memory_of_probe();
    double peaks[kMaxIsas], copied;
    int failures = 0, written = 1;
    if (!rows) fail("dce_bench", "", "not enough memory");
    signal(SIGINT, interrupt);
    for (int i = 0; i < kMaxIsas; ++i) peaks[i] = dce_bench_multiply_adds(kIsas[i], 0.2);
    copied = dce_bench_copied_bytes((size_t)64 << 20, 0.2);
    for (int size = 0; size < settings.size_count; ++size) {
        for (int i = 0; i < settings.thread_count; ++i)
            for (int j = 0; j < settings.model_count; ++j)
                for (int k = 0; k < settings.isa_count; ++k, ++row) {
                    row->width = settings.sizes[size][0];
                    row->height = settings.sizes[size][1];
                    row->threads = settings.threads[i];
                    row->model = settings.models[j];
                    row->isa = settings.isas[k];
                }
        prepare_size(row - per_size, per_size, &pictures[size]);
    }
    take_turns(rows, count, &settings, peaks, probe_memory);
    for (int i = 0; i < count && !interrupted; ++i)
        if (!rows[i].reason[0]) measure_memory(&rows[i]);
    print_table(rows, count, peaks);
    if (settings.json) written = write_json(&settings, argument_count, arguments, rows, count, peaks, copied, before);
    for (int i = 0; i < count; ++i) {
        failures += rows[i].reason[0] != '\0';
        free_row(&rows[i]);
    }
    for (int size = 0; size < settings.size_count; ++size) {
        free(pictures[size].pixels);
        free(pictures[size].out);
    }
    free(probe_memory);
    free(rows);
    free(before);
    return !written ? 2 : interrupted ? 130 : failures > 0;
}
