/* dce_bench - takes the samples of `dcelite bench` on machines without Python:
 *
 *     adb push dce_bench /data/local/tmp && adb shell /data/local/tmp/dce_bench --size 1920x1080 --threads 1 --threads 4
 *
 * Prints the shortest and the median times. With --json it writes every sample and where they come from, as $defs/samples of
 * bench/schema.json describes it: `dcelite bench --from FILE` makes the report of that, `dcelite bench compare` reads it.
 * Results are compared with the scalar kernels, which are the specification of the others.
 */
#define _GNU_SOURCE
#include <dcelite.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "roofline.h"

enum { kRoundsOfASeries = 20, kRoundsInAPlace = 10 };                      /* as in bench/compare/change.py */
static const double kSettleMs = 4.0, kLongRunMs = 250.0, kBlockMs = 20.0; /* as in bench/run/turns.py */
static const double kProbeSeconds = 0.004;                                /* as in bench/run/roofline.py */
enum { kMost = 16, kMaxNumber = 256, kMaxText = 1 << 15 };

enum { kModel, kSize, kThreads, kIsa, kRuns, kWarmUp, kSeconds, kMaxSeconds, kJson, kOptions };
static struct Option {
    const char *name, *of_lite, *values[kMost];
    int count;
} options[kOptions] = {
    {"--model", "--modelFile", {"shipped"}, 0}, {"--size", "", {"1200x900"}, 0},
    {"--threads", "--numThreads", {"1"}, 0},    {"--isa", "", {NULL}, 0},
    {"--runs", "--loopCount", {"50"}, 0},       {"--warm-up", "--warmUpLoopCount", {"3"}, 0},
    {"--seconds", "", {"4"}, 0},                {"--max-seconds", "", {"10"}, 0},
    {"--json", "", {NULL}, 0},
};
static const char *json; /* file name; null: none */
static int overwrite;
static double runs, warm_up, least_seconds, most_seconds;

static const char *isas[kMost];     /* the instruction sets here, best first */
static double peaks[kMost];         /* multiply-adds a second of a core, by isas */
static uint8_t *pictures[kMost][2]; /* by size: the picture, and where the result goes */
static void *probe_memory;
static volatile sig_atomic_t interrupted;

/* A run; one in the engine that reads the clock between its stages; the fixed work beside a block, on one core and shared. */
enum { kRun, kStaged, kProbe, kParallelProbe };
static const char *const kKinds[] = {"run", "staged", "probe", "parallel probe"};

typedef struct Sample {
    int kind, round;
    double ms;
    dce_timings stages;
} Sample;

typedef struct Row {
    const char *model, *isa; /* no model: the shipped weights */
    int32_t width, height;
    int threads;
    char reason[320]; /* why there are no times; "" where there are */
    uint8_t **picture;
    dce_enhancer *handles[2]; /* by kind */
    Sample *samples;
    int count, room, run_count;
    double load_ms, first_ms, timed_ms, spent_ms;
    dce_model_info info;
    int is_compared;       /* with the scalar kernels */
    long differences[256]; /* how many values are so far from theirs */
    double brightness;
    long memory[2]; /* of a process, before and at the peak of a call; 0: not measured */
} Row;

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

static void keep(Row *row, Sample sample) {
    if (row->count == row->room) {
        row->room = row->room ? 2 * row->room : 1024;
        row->samples = realloc(row->samples, (size_t)row->room * sizeof sample);
        if (!row->samples) fail("samples", "", "not enough memory");
    }
    row->samples[row->count++] = sample;
    row->run_count += sample.kind == kRun;
}

/* ---- options ---- */

static const char kHelp[] =
    "usage: dce_bench [--model FILE.dce]... [--size WxH]... [--threads N]... [--isa ISA|all]...\n"
    "                 [--runs N] [--seconds S] [--max-seconds S] [--warm-up N]\n"
    "                 [--json FILE [--overwrite]]\n"
    "\n"
    "Times every model with every size, number of threads and instruction set, in turn.\n"
    "Without options: the shipped weights, 1200x900, 1 thread, the best instruction set;\n"
    "50 runs and 4 seconds at least, 10 seconds at most, 3 runs to warm up.\n"
    "MindSpore Lite's --modelFile, --numThreads, --loopCount and --warmUpLoopCount are understood too.\n";

/* The value of a number, of which the last one counts; `step` 1: a whole one. */
static double number_of(const struct Option *option, const char *text, double least, double most, double step) {
    char *end, wanted[64];
    const double value = strtod(text, &end);
    snprintf(wanted, sizeof wanted, "%g to %g was wanted%s", least, most, step == 1 ? ", a whole number" : "");
    if (end == text || *end || !(value >= least && value <= most) || (step == 1 && value != (double)(long)value))
        fail(option->name, text, wanted);
    return value;
}

static void size_of(const char *text, int32_t *width, int32_t *height) {
    int end = 0;
    if (sscanf(text, "%5dx%5d%n", width, height, &end) != 2 || text[end] || *width < 1 || *height < 1 ||
        *width > DCE_MAX_DIMENSION || *height > DCE_MAX_DIMENSION)
        fail("--size", text, "WIDTHxHEIGHT was wanted, as 1200x900");
}

static void parse(int count, char **arguments) {
    static char names[256];
    struct Option *isa = &options[kIsa], *given;
    struct stat existing;
    int isa_count = 0;
    dce_list_kernels(names, sizeof names);
    for (char *name = strtok(names, " "); name && isa_count < kMost; name = strtok(NULL, " ")) isas[isa_count++] = name;
    isa->values[0] = isas[0];
    for (int i = 1; i < count; ++i) {
        const char *name = arguments[i];
        if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) exit(fputs(kHelp, stdout) < 0);
        if (strcmp(name, "--overwrite") == 0) {
            overwrite = 1;
            continue;
        }
        for (given = options; given < options + kOptions; ++given)
            if (strcmp(name, given->name) == 0 || strcmp(name, given->of_lite) == 0) break;
        if (given == options + kOptions || ++i == count) fail(name, "", "is no option, or wants a value (--help lists them)");
        if (given->count == kMost) fail(name, arguments[i], "there are too many");
        given->values[given - options < kRuns ? given->count++ : 0] = arguments[i];
    }
    for (given = options; given < options + kOptions; ++given) given->count += given->count == 0;
    for (int i = 0, j; i < isa->count; ++i) {
        for (j = 0; j < isa_count && strcmp(isa->values[i], isas[j]) != 0;) ++j;
        if (strcmp(isa->values[i], "all") == 0) {
            memcpy(isa->values, isas, sizeof isas);
            isa->count = isa_count;
        } else if (j == isa_count) {
            fail("--isa", isa->values[i], "'all' or an instruction set that this processor has was wanted");
        }
    }
    runs = number_of(&options[kRuns], *options[kRuns].values, 1, 1e6, 1);
    warm_up = number_of(&options[kWarmUp], *options[kWarmUp].values, 0, 1e6, 1);
    least_seconds = number_of(&options[kSeconds], *options[kSeconds].values, 0, 3600, 0);
    most_seconds = number_of(&options[kMaxSeconds], *options[kMaxSeconds].values, 0, 3600, 0);
    json = *options[kJson].values;
    if (!json || stat(json, &existing) != 0) return;
    if (!S_ISREG(existing.st_mode)) fail("--json", json, "is no file, a file name was wanted");
    if (!overwrite) fail("--json", json, "exists already; give another name or --overwrite");
}

/* ---- rows ---- */

static size_t bytes_of(const Row *row) { return (size_t)row->width * (size_t)row->height * 3; }

/* What fails becomes the reason of the row. */
static int check(Row *row, const dce_enhancer *handle, dce_status status) {
    if (status != DCE_OK) snprintf(row->reason, sizeof row->reason, "%s", dce_error_message(handle));
    return status == DCE_OK;
}

static int open_model(Row *row, const char *isa, int timings, dce_enhancer **handle) {
    dce_options wanted;
    dce_status status;
    dce_options_init(&wanted);
    wanted.model_path = row->model;
    wanted.threads = row->threads;
    wanted.timings = timings;
    setenv("DCELITE_ISA", isa, 1);
    status = dce_open(&wanted, handle);
    unsetenv("DCELITE_ISA");
    return check(row, *handle, status);
}

static int enhance(Row *row, dce_enhancer *handle, uint8_t *out) {
    dce_image images[2] = {{.format = DCE_RGB8, .width = row->width, .height = row->height}};
    images[0].stride[0] = (ptrdiff_t)row->width * 3;
    images[0].plane[0] = row->picture[0];
    images[1] = images[0];
    images[1].plane[0] = out;
    return check(row, handle, dce_enhance(handle, &images[0], &images[1]));
}

static void open_both(Row *row) {
    for (int i = 0; i < 2; ++i) dce_close(row->handles[i]), row->handles[i] = NULL;
    for (int i = 0; i < 2 && !row->reason[0]; ++i) open_model(row, row->isa, i, &row->handles[i]);
}

static void compare_with_scalar(Row *row) {
    Row scalar = *row; /* whose failure is not that of the row */
    uint8_t *wanted = malloc(bytes_of(row));
    dce_enhancer *handle = NULL;
    row->is_compared = wanted && open_model(&scalar, "scalar", 0, &handle) && enhance(&scalar, handle, wanted);
    for (size_t i = 0; row->is_compared && i < bytes_of(row); ++i) {
        ++row->differences[abs(row->picture[1][i] - wanted[i])];
        row->brightness += row->picture[1][i] / (double)bytes_of(row);
    }
    dce_close(handle);
    free(wanted);
}

static void prepare(Row *row) {
    const double begin = now_ms();
    double opened;
    for (int i = 0; i < 2 && !row->picture[i]; ++i) {
        row->picture[i] = malloc(bytes_of(row));
        if (row->picture[0] && i == 0) dce_bench_scene(row->picture[0], row->width, row->height);
    }
    if (!row->picture[0] || !row->picture[1]) snprintf(row->reason, sizeof row->reason, "not enough memory");
    if (row->reason[0] || !open_model(row, row->isa, 0, &row->handles[0])) return;
    opened = now_ms();
    row->load_ms = opened - begin;
    if (!enhance(row, row->handles[0], row->picture[1])) return;
    row->first_ms = now_ms() - opened;
    row->info.size = sizeof row->info;
    dce_get_model_info(row->handles[0], &row->info);
    compare_with_scalar(row);
    open_both(row);
}

/* Pictures and handles at other places in memory. */
static void renew(Row *rows, int count) {
    for (int i = 0; i < count; ++i) {
        uint8_t *copies[2] = {malloc(bytes_of(&rows[i])), malloc(bytes_of(&rows[i]))};
        const int is_moved = copies[0] && copies[1] && rows[i].picture[0] && rows[i].picture[1] &&
                             (!i || rows[i].picture != rows[i - 1].picture);
        if (is_moved) memcpy(copies[0], rows[i].picture[0], bytes_of(&rows[i]));
        for (int j = 0; j < 2; ++j) {
            free(is_moved ? rows[i].picture[j] : copies[j]);
            if (is_moved) rows[i].picture[j] = copies[j];
        }
        open_both(&rows[i]);
    }
}

static long peak_bytes(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? 1024 * usage.ru_maxrss : 0;
}

/* In a process of its own, so that memory that other rows left to the C library does not hide what this one takes: what it
 * starts with is its first peak. */
static void measure_memory(Row *row) {
    long *found = mmap(NULL, 2 * sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const pid_t child = found != MAP_FAILED ? fork() : -1;
    if (child == 0) {
        dce_enhancer *handle;
        found[0] = peak_bytes();
        if (open_model(row, row->isa, 0, &handle) && enhance(row, handle, row->picture[1]) &&
            enhance(row, handle, row->picture[1]))
            found[1] = peak_bytes();
        _exit(0);
    }
    if (child > 0 && waitpid(child, NULL, 0) == child) memcpy(row->memory, found, sizeof row->memory);
    if (found != MAP_FAILED) munmap(found, 2 * sizeof *found);
}

/* ---- turns ---- */

static void probe(Row *row, int round) {
    for (int kind = kProbe; probe_memory && kind <= (row->threads > 1 ? kParallelProbe : kProbe); ++kind) {
        const int threads = kind == kProbe ? 1 : row->threads;
        const double ms = 1e3 * dce_bench_probe(row->isa, threads, kProbeSeconds, probe_memory);
        if (ms > 0) keep(row, (Sample){.kind = kind, .round = round, .ms = ms});
    }
}

/* A block of runs, after some that let the caches fill; 0 where one fails. */
static int time_block(Row *row, int round, int kind) {
    const double begin = now_ms();
    double timed, start, stop;
    if (row->first_ms < kLongRunMs) do {
            if (!enhance(row, row->handles[kind], row->picture[1])) return 0;
        } while (now_ms() - begin < kSettleMs);
    timed = now_ms();
    do {
        Sample sample = {.kind = kind, .round = round, .stages = {.size = sizeof sample.stages}};
        start = now_ms();
        if (!enhance(row, row->handles[kind], row->picture[1])) return 0;
        stop = now_ms();
        sample.ms = stop - start;
        if (kind == kStaged) dce_get_timings(row->handles[kind], &sample.stages);
        keep(row, sample);
        if (kind == kRun) row->timed_ms += sample.ms;
    } while (stop - timed < kBlockMs);
    return 1;
}

/* A probe on either side of the runs; what the stages take is not among the time spent. */
static void take_turn(Row *row, int round) {
    const double begin = now_ms();
    probe(row, round);
    if (!time_block(row, round, kRun)) return;
    probe(row, round);
    row->spent_ms += now_ms() - begin;
    if (!interrupted) time_block(row, round, kStaged);
}

static int is_finished(const Row *row) {
    return row->reason[0] || row->spent_ms >= 1e3 * most_seconds ||
           (row->run_count >= runs && row->timed_ms >= 1e3 * least_seconds);
}

static void take_turns(Row *rows, int count) {
    int unfinished = 1;
    for (int i = 0; i < count; ++i)
        for (int run = 0; run < warm_up && !rows[i].reason[0] && !interrupted; ++run)
            enhance(&rows[i], rows[i].handles[0], rows[i].picture[1]);
    for (int round = 0; unfinished && !interrupted; ++round) {
        if (round && round % kRoundsInAPlace == 0) renew(rows, count);
        for (int i = 0; i < kMost && isas[i]; ++i) {
            const double rate = dce_bench_multiply_adds(isas[i], 0.002);
            if (rate > peaks[i]) peaks[i] = rate;
        }
        unfinished = 0;
        for (int i = 0; i < count && !interrupted; ++i)
            if (!rows[i].reason[0] && rows[i].spent_ms < 1e3 * most_seconds) take_turn(&rows[i], round);
        for (int i = 0; i < count; ++i) unfinished |= !is_finished(&rows[i]);
    }
}

/* ---- what is written ---- */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static const char *model_name(const Row *row) {
    const char *slash = row->model ? strrchr(row->model, '/') : NULL;
    return !row->model ? "shipped weights" : slash ? slash + 1 : row->model;
}

static void print_table(const Row *rows, int count) {
    printf("%-32s %11s %7s %10s %10s %6s\n", "variant", "size", "threads", "min ms", "median ms", "runs");
    for (const Row *row = rows; row < rows + count; ++row) {
        double *ms = calloc((size_t)row->run_count + 1, sizeof *ms), sum = 0.0;
        char label[64], size[24];
        int n = 0;
        snprintf(label, sizeof label, "%.40s %s", model_name(row), row->isa);
        snprintf(size, sizeof size, "%dx%d", (int)row->width, (int)row->height);
        printf("%-32s %11s %7d ", label, size, row->threads);
        for (int i = 0; ms && i < row->count; ++i)
            if (row->samples[i].kind == kRun) sum += ms[n++] = row->samples[i].ms;
        if (row->reason[0] || !n) {
            printf("no result: %s\n", row->reason[0] ? row->reason : "interrupted before it was timed");
        } else {
            qsort(ms, (size_t)n, sizeof *ms, ascending);
            printf("%10.3f %10.3f %6d\n", ms[0], (ms[n / 2] + ms[(n - 1) / 2]) / 2, n);
            printf("Model = %s, NumThreads = %d, MinRunTime = %f ms, MaxRuntime = %f ms, AvgRunTime = %f ms\n",
                   model_name(row), row->threads, ms[0], ms[n - 1], sum / n);
        }
        free(ms);
    }
}

static const char *comma(int number) { return number ? ", " : ""; }

static void put_string(FILE *file, const char *before, const char *text) {
    fprintf(file, "%s\"", before);
    for (; *text; ++text) {
        const unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == '"' || c == '\\')
            fprintf(file, "\\u%04x", c);
        else
            putc(c, file);
    }
    putc('"', file);
}

/* What runtime/python/dcelite/machine.py reads of the kernel; %d stands for a processor or a sensor. */
static const char *const kConstant[] = {
    "/proc/cpuinfo", "/proc/meminfo", "/proc/self/status", "/proc/sys/kernel/osrelease", "/etc/os-release",
    "/proc/device-tree/model", "/sys/firmware/devicetree/base/model", "/sys/class/dmi/id/product_name",
    "/sys/devices/system/cpu/cpu%d/online", "/sys/devices/system/cpu/cpu%d/topology/core_id",
    "/sys/devices/system/cpu/cpu%d/cpu_capacity", "/sys/devices/system/cpu/cpu%d/cpufreq/cpuinfo_max_freq",
    "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", NULL};
static const char *const kChanging[] = {
    "/proc/meminfo", "/proc/loadavg", "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq",
    "/sys/class/thermal/thermal_zone%d/type", "/sys/class/thermal/thermal_zone%d/temp", NULL};

static void put_files(FILE *file, const char *const *patterns) {
    static char text[kMaxText];
    char path[128];
    int written = 0;
    fputs("\"files\": {", file);
    for (; *patterns; ++patterns)
        for (int number = 0; number < (strstr(*patterns, "%d") ? kMaxNumber : 1); ++number) {
            FILE *source;
            snprintf(path, sizeof path, *patterns, number);
            source = fopen(path, "r");
            if (!source) continue;
            text[fread(text, 1, sizeof text - 1, source)] = '\0';
            fclose(source);
            put_string(file, comma(written++), path);
            put_string(file, ": ", text);
        }
    putc('}', file);
}

static void put_state(FILE *file) {
    fprintf(file, "{\"unix_time\": %ld, ", (long)time(NULL));
    put_files(file, kChanging);
    putc('}', file);
}

static void put_samples(FILE *file, const Row *row) {
    for (int i = 0; i < row->count; ++i) {
        const Sample *sample = &row->samples[i];
        const dce_timings *ns = &sample->stages;
        fprintf(file, "%s[\"%s\", %d, %.6f", comma(i), kKinds[sample->kind], sample->round, sample->ms);
        if (sample->kind == kStaged)
            fprintf(file, ", %.6f, %.6f, %.6f, %.6f, %.6f", 1e-6 * (double)ns->convert_ns, 1e-6 * (double)ns->downsample_ns,
                    1e-6 * (double)ns->network_ns, 1e-6 * (double)ns->curve_ns, 1e-6 * (double)ns->total_ns);
        putc(']', file);
    }
}

static void put_row(FILE *file, const Row *row) {
    unsigned char header[25] = {0}; /* of a .dce file, which has its precision in byte 24 */
    FILE *model = row->model ? fopen(row->model, "rb") : NULL;
    const int is_known = !row->model || (model && fread(header, 1, sizeof header, model) == sizeof header && header[24] < 2);
    if (model) fclose(model);
    put_string(file, "  {\"model\": ", model_name(row));
    put_string(file, ", \"isa\": ", row->isa);
    fprintf(file, ", \"width\": %d, \"height\": %d, \"threads\": %d", (int)row->width, (int)row->height, row->threads);
    if (is_known) put_string(file, ", \"precision\": ", header[24] ? "int8" : "float32");
    if (row->reason[0]) put_string(file, ", \"reason\": ", row->reason);
    fprintf(file, ", \"load_ms\": %.6f, \"first_ms\": %.6f", row->load_ms, row->first_ms);
    if (row->info.scale)
        fprintf(file, ", \"architecture\": \"%s\", \"scale\": %d",
                row->info.architecture == DCE_ARCHITECTURE_ZERODCEPP ? "zerodcepp" : "zerodce", (int)row->info.scale);
    if (row->memory[1])
        fprintf(file, ", \"memory\": {\"extra_bytes\": %ld, \"resident_bytes\": %ld}", row->memory[1] - row->memory[0],
                row->memory[0]);
    if (row->is_compared) {
        fprintf(file, ",\n   \"fidelity\": {\"reference\": \"scalar kernels\", \"mean_brightness\": %.4f, \"differences\": [",
                row->brightness);
        for (int i = 0; i < 256; ++i) fprintf(file, "%s%ld", comma(i), row->differences[i]);
        fputs("]}", file);
    }
    fputs(",\n   \"samples\": [", file);
    put_samples(file, row);
    fputs("]}", file);
}

static void put_document(FILE *file, int argument_count, char **arguments, const Row *rows, int count, double copied,
                         const char *before) {
    char created[64];
    const time_t seconds = time(NULL);
    struct tm parts;
    struct utsname name;
    uname(&name);
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%S+00:00", gmtime_r(&seconds, &parts));
    fprintf(file, "{\"format\": \"dcelite-bench-samples\", \"version\": 2, \"created\": \"%s\", \"command\": [", created);
    for (int i = 1; i < argument_count; ++i) put_string(file, comma(i - 1), arguments[i]);
    fprintf(file, "], \"interrupted\": %s,\n \"settings\": {\"runs\": %g, \"seconds\": %g, \"max_seconds\": %g, ",
            interrupted ? "true" : "false", runs, least_seconds, most_seconds);
    fprintf(file, "\"warm_up\": %g, \"block_ms\": %g, \"rounds_of_a_series\": %d, ", warm_up, kBlockMs, kRoundsOfASeries);
    fputs("\"image\": \"synthetic dark scene\", \"processors\": null},\n \"machine\": {", file);
    fprintf(file, "\"emulated\": %s, \"machine\": \"%s\", \"dcelite\": \"%s\", \"isas\": [",
            dce_bench_is_emulated() ? "true" : "false", name.machine, dce_version());
    for (int i = 0; i < kMost && isas[i]; ++i) put_string(file, comma(i), isas[i]);
    fprintf(file, "],\n  \"before\": %s,\n  \"after\": ", before);
    put_state(file);
    fputs(", ", file);
    put_files(file, kConstant);
    fprintf(file, "},\n \"roofline\": {\"energy_source\": null, \"copied_bytes_a_second\": ");
    fprintf(file, copied > 0 ? "%.0f, \"multiply_adds_a_second\": {" : "null, \"multiply_adds_a_second\": {", copied);
    for (int i = 0, written = 0; i < kMost; ++i)
        if (peaks[i] > 0) put_string(file, comma(written++), isas[i]), fprintf(file, ": %.0f", peaks[i]);
    fputs("}},\n \"results\": [\n", file);
    for (int i = 0; i < count; ++i) {
        put_row(file, &rows[i]);
        fputs(i + 1 < count ? ",\n" : "\n]}\n", file);
    }
}

/* The file appears when it is complete; without --overwrite, nothing may have taken its name by then. Returns 0 on failure. */
static int write_json(int argument_count, char **arguments, const Row *rows, int count, double copied, const char *before) {
    char temporary[4096];
    int written, taken;
    FILE *file;
    snprintf(temporary, sizeof temporary, "%.4000s.%ld.new", json, (long)getpid());
    file = fopen(temporary, "wx");
    if (file) put_document(file, argument_count, arguments, rows, count, copied, before);
    written = file && !ferror(file);
    written = file && fclose(file) == 0 && written;
    if (written && !overwrite) {
        taken = open(json, O_WRONLY | O_CREAT | O_EXCL, 0666);
        written = taken >= 0 && close(taken) == 0;
    }
    written = written && rename(temporary, json) == 0;
    if (!written) fprintf(stderr, "dce_bench: error: %s: cannot be written: %s\n", json, strerror(errno));
    if (!written && file) remove(temporary);
    return written;
}

int main(int argument_count, char **arguments) {
    const int *parts[] = {&options[kIsa].count, &options[kModel].count, &options[kThreads].count, &options[kSize].count};
    int count = 1, failures = 0, written = 1;
    double copied;
    char *before = NULL;
    size_t before_size;
    FILE *state = open_memstream(&before, &before_size);
    Row *rows;
    parse(argument_count, arguments);
    signal(SIGINT, interrupt);
    for (int i = 0; i < 4; ++i) count *= *parts[i];
    rows = calloc((size_t)count, sizeof *rows);
    probe_memory = malloc(DCE_BENCH_PROBE_BYTES);
    if (!rows || !state) fail("dce_bench", "", "not enough memory");
    if (probe_memory) memset(probe_memory, 1, DCE_BENCH_PROBE_BYTES); /* so that it is there */
    put_state(state);
    fclose(state);
    for (int i = 0; i < count; ++i) {
        int numbers[4];
        for (int j = 0, rest = i; j < 4; rest /= *parts[j++]) numbers[j] = rest % *parts[j];
        rows[i].isa = options[kIsa].values[numbers[0]];
        rows[i].model = options[kModel].values[numbers[1]];
        if (strcmp(rows[i].model, "shipped") == 0) rows[i].model = NULL;
        rows[i].threads = (int)number_of(&options[kThreads], options[kThreads].values[numbers[2]], 1, 64, 1);
        rows[i].picture = pictures[numbers[3]];
        size_of(options[kSize].values[numbers[3]], &rows[i].width, &rows[i].height);
    }
    for (int i = 0; i < kMost && isas[i]; ++i) peaks[i] = dce_bench_multiply_adds(isas[i], 0.2);
    copied = dce_bench_copied_bytes((size_t)64 << 20, 0.2);
    for (int i = 0; i < count && !interrupted; ++i) prepare(&rows[i]);
    take_turns(rows, count);
    for (int i = 0; i < count && !interrupted; ++i)
        if (!rows[i].reason[0]) measure_memory(&rows[i]);
    print_table(rows, count);
    if (json) written = write_json(argument_count, arguments, rows, count, copied, before);
    for (int i = 0; i < count; ++i) failures += rows[i].reason[0] != '\0';
    return !written ? 2 : interrupted ? 130 : failures > 0; /* the system takes all memory back */
}
