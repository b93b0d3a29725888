/* dce_bench - takes the samples of `dcelite bench` on machines without Python:
 *
 *     adb push dce_bench /data/local/tmp && adb shell /data/local/tmp/dce_bench --size 1920x1080 --threads 1 --threads 4
 *
 * Prints a summary of each row. With --json it writes every sample and where they come from, as $defs/samples of
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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "roofline.h"

enum { kRoundsOfASeries = 20, kRoundsInAPlace = 10 };                      /* as in bench/compare/change.py */
static const double kSettleMs = 4.0, kLongRunMs = 250.0, kBlockMs = 20.0; /* as in bench/run/turns.py */
enum { kMost = 16, kMaxNumber = 256, kMaxText = 1 << 15 };

enum { kModel, kSize, kThreads, kIsa, kDenoise, kPrecision, kRuns, kWarmUp, kSeconds, kMaxSeconds, kJson, kOptions };
static struct Option {
    const char *name, *of_lite, *values[kMost];
    int count;
} options[kOptions] = {
    {"--model", "--modelFile", {"shipped"}, 0}, {"--size", "", {"1200x900"}, 0},
    {"--threads", "--numThreads", {"1"}, 0},    {"--isa", "", {NULL}, 0},
    {"--denoise", "", {"0"}, 0},                {"--precision", "", {"exact"}, 0},
    {"--runs", "--loopCount", {"50"}, 0},       {"--warm-up", "--warmUpLoopCount", {"3"}, 0},
    {"--seconds", "", {"4"}, 0},                {"--max-seconds", "", {"10"}, 0},
    {"--json", "", {NULL}, 0},
};
static const char *json; /* file name; null: none */
static int overwrite;
static double runs, warm_up, least_seconds, most_seconds;

static const char *isas[kMost];     /* the instruction sets here, best first */
static double peaks[kMost], copied; /* multiply-adds a second of a core, by isas; bytes copied a second */
static volatile sig_atomic_t interrupted;

typedef struct Picture {
    int32_t width, height;
    uint8_t *pixels[2]; /* the scene, and where the result goes */
} Picture;
static Picture pictures[kMost]; /* by size */

/* A run; one in the engine that reads the clock between its stages; the fixed work beside a block, on one core and shared. */
enum { kRun, kStaged, kProbe, kParallelProbe };
static const char *const kKinds[] = {"run", "staged", "probe", "parallel probe"};

typedef struct Row {
    const char *model, *isa; /* no model: the shipped weights */
    int threads;
    double denoise;
    int is_fast;
    Picture *picture;
    char reason[320];         /* why there are no times; "" where there are */
    dce_enhancer *handles[2]; /* by kind */
    FILE *json;               /* writes what is measured, as soon as it is, into `text` */
    char *text;
    size_t bytes;
    int samples, runs;
    double first_ms, timed_ms, spent_ms, shortest_ms, longest_ms; /* timed: of all runs */
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

/* ---- options ---- */

static const char kHelp[] =
    "usage: dce_bench [--model FILE.dce]... [--size WxH]... [--threads N]... [--isa ISA|all]...\n"
    "                 [--denoise D]... [--precision exact|fast]...\n"
    "                 [--runs N] [--seconds S] [--max-seconds S] [--warm-up N]\n"
    "                 [--json FILE [--overwrite]]\n"
    "\n"
    "Times every model with every size, number of threads, instruction set, denoising and precision, in turn.\n"
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

static int is_fast(const char *precision) {
    const int fast = strcmp(precision, "fast") == 0;
    if (!fast && strcmp(precision, "exact") != 0) fail("--precision", precision, "exact or fast was wanted");
    return fast;
}

static Picture picture_of(const char *size) {
    Picture picture = {0};
    int end = 0;
    if (sscanf(size, "%5dx%5d%n", &picture.width, &picture.height, &end) != 2 || size[end] || picture.width < 1 ||
        picture.height < 1 || picture.width > DCE_MAX_DIMENSION || picture.height > DCE_MAX_DIMENSION)
        fail("--size", size, "WIDTHxHEIGHT was wanted, as 1200x900");
    return picture;
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

/* ---- JSON ---- */

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

static void put_sample(Row *row, int kind, int round, double ms) {
    fprintf(row->json, "%s[\"%s\", %d, %.6f", comma(row->samples++), kKinds[kind], round, ms);
    if (kind == kStaged) {
        dce_timings ns = {.size = sizeof ns};
        dce_get_timings(row->handles[kStaged], &ns);
        fprintf(row->json, ", %.6f, %.6f, %.6f, %.6f, %.6f, %.6f", 1e-6 * (double)ns.convert_ns,
                1e-6 * (double)ns.downsample_ns, 1e-6 * (double)ns.network_ns, 1e-6 * (double)ns.denoise_ns,
                1e-6 * (double)ns.curve_ns, 1e-6 * (double)ns.total_ns);
    }
    putc(']', row->json);
}

/* ---- rows ---- */

static const char *model_name(const Row *row) {
    const char *slash = row->model ? strrchr(row->model, '/') : NULL;
    return !row->model ? "shipped weights" : slash ? slash + 1 : row->model;
}

/* Of a .dce file, which has it in byte 24; null where it cannot be read. */
static const char *precision_of(const char *path) {
    static const char *const precisions[] = {"float32", "int8"};
    unsigned char header[25];
    FILE *file = fopen(path, "rb");
    const int is_read = file && fread(header, 1, sizeof header, file) == sizeof header;
    if (file) fclose(file);
    return is_read && header[24] < 2 ? precisions[header[24]] : NULL;
}

static void begin_row(Row *row) {
    const char *precision = row->model ? precision_of(row->model) : "float32";
    row->json = open_memstream(&row->text, &row->bytes);
    if (!row->json) fail("dce_bench", "", "not enough memory");
    put_string(row->json, "  {\"model\": ", model_name(row));
    put_string(row->json, ", \"isa\": ", row->isa);
    fprintf(row->json, ", \"width\": %d, \"height\": %d, ", (int)row->picture->width, (int)row->picture->height);
    fprintf(row->json, "\"threads\": %d, \"denoise\": %g, \"curve\": \"%s\"", row->threads, row->denoise,
            row->is_fast ? "fast" : "exact");
    if (precision) put_string(row->json, ", \"precision\": ", precision);
}

static size_t bytes_of(const Picture *picture) { return (size_t)picture->width * (size_t)picture->height * 3; }

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
    wanted.denoise = (float)row->denoise;
    wanted.precision = row->is_fast ? DCE_FAST : DCE_EXACT;
    setenv("DCELITE_ISA", isa, 1);
    status = dce_open(&wanted, handle);
    unsetenv("DCELITE_ISA");
    return check(row, *handle, status);
}

static int enhance(Row *row, dce_enhancer *handle, uint8_t *out) {
    dce_image images[2] = {{.format = DCE_RGB8, .width = row->picture->width, .height = row->picture->height}};
    images[0].stride[0] = (ptrdiff_t)row->picture->width * 3;
    images[0].plane[0] = row->picture->pixels[0];
    images[1] = images[0];
    images[1].plane[0] = out;
    return check(row, handle, dce_enhance(handle, &images[0], &images[1]));
}

static int run(Row *row, int kind) { return enhance(row, row->handles[kind], row->picture->pixels[1]); }

static void open_both(Row *row) {
    for (int i = 0; i < 2; ++i) dce_close(row->handles[i]), row->handles[i] = NULL;
    for (int i = 0; i < 2 && !row->reason[0]; ++i) open_model(row, row->isa, i, &row->handles[i]);
}

static void compare_with_scalar(Row *row) {
    Row scalar = *row; /* whose failure is not that of the row */
    scalar.is_fast = 0;
    const size_t bytes = bytes_of(row->picture);
    const uint8_t *result = row->picture->pixels[1];
    uint8_t *wanted = malloc(bytes);
    dce_enhancer *handle = NULL;
    if (wanted && open_model(&scalar, "scalar", 0, &handle) && enhance(&scalar, handle, wanted)) {
        long differences[256] = {0}; /* how many values are so far from the wanted ones */
        double sum = 0.0;
        for (size_t i = 0; i < bytes; ++i) ++differences[abs(result[i] - wanted[i])], sum += result[i];
        fprintf(row->json, ",\n   \"fidelity\": {\"reference\": \"scalar kernels\", \"mean_brightness\": %.4f, ",
                sum / (double)bytes);
        fputs("\"differences\": [", row->json);
        for (int i = 0; i < 256; ++i) fprintf(row->json, "%s%ld", comma(i), differences[i]);
        fputs("]}", row->json);
    }
    dce_close(handle);
    free(wanted);
}

/* As dcelite.model.architecture has it. */
static const char *architecture_name(int32_t architecture) {
    switch (architecture) {
    case DCE_ARCHITECTURE_ZERODCEPP: return "zerodcepp";
    case DCE_ARCHITECTURE_ZERODCE: return "zerodce";
    case DCE_ARCHITECTURE_ZERODCEPP_SCENE: return "zerodcepp_scene";
    default: return "engine";
    }
}

static void prepare(Row *row) {
    Picture *picture = row->picture;
    dce_model_info info = {.size = sizeof info};
    double begin, opened;
    for (int i = 0; i < 2 && !picture->pixels[i]; ++i) {
        picture->pixels[i] = malloc(bytes_of(picture));
        if (picture->pixels[0] && i == 0) dce_bench_scene(picture->pixels[0], picture->width, picture->height);
    }
    if (!picture->pixels[0] || !picture->pixels[1]) snprintf(row->reason, sizeof row->reason, "not enough memory");
    begin = now_ms();
    if (row->reason[0] || !open_model(row, row->isa, 0, &row->handles[kRun])) return;
    opened = now_ms();
    if (!run(row, kRun)) return;
    row->first_ms = now_ms() - opened;
    fprintf(row->json, ", \"load_ms\": %.6f, \"first_ms\": %.6f", opened - begin, row->first_ms);
    dce_get_model_info(row->handles[kRun], &info);
    put_string(row->json, ", \"architecture\": ", architecture_name(info.architecture));
    fprintf(row->json, ", \"scale\": %d", (int)info.scale);
    compare_with_scalar(row);
    open_both(row);
}

/* Pictures and handles at other places in memory. */
static void renew(Row *rows, int count) {
    for (Picture *picture = pictures; picture < pictures + options[kSize].count; ++picture)
        for (int i = 0; i < 2; ++i) {
            uint8_t *copy = picture->pixels[i] ? malloc(bytes_of(picture)) : NULL;
            if (!copy) continue;
            memcpy(copy, picture->pixels[i], bytes_of(picture));
            free(picture->pixels[i]);
            picture->pixels[i] = copy;
        }
    for (int i = 0; i < count; ++i) open_both(&rows[i]);
}

/* Of a process that opens the row's model and runs it `calls` times; 0 where it fails. A process of its own, so that memory
 * that other rows left to the C library does not hide what this one takes: what it starts with is its first peak. */
static long peak_bytes(Row *row, int calls) {
    struct rusage usage;
    int status;
    const pid_t child = fork();
    if (child == 0) {
        int is_fine = calls == 0 || open_model(row, row->isa, 0, &row->handles[kRun]);
        for (int i = 0; i < calls && is_fine; ++i) is_fine = run(row, kRun);
        _exit(!is_fine);
    }
    return child > 0 && wait4(child, &status, 0, &usage) == child && status == 0 ? 1024 * usage.ru_maxrss : 0;
}

static void measure_memory(Row *row) {
    const long resident = peak_bytes(row, 0), peak = peak_bytes(row, 2);
    if (resident && peak)
        fprintf(row->json, ", \"memory\": {\"extra_bytes\": %ld, \"resident_bytes\": %ld}",
                peak > resident ? peak - resident : 0, resident);
}

/* ---- turns ---- */

static void probe(Row *row, int round) {
    for (int kind = kProbe; kind <= (row->threads > 1 ? kParallelProbe : kProbe); ++kind) {
        const int threads = kind == kProbe ? 1 : row->threads;
        const double ms = 1e3 * dce_bench_probe(row->isa, threads);
        if (ms > 0) put_sample(row, kind, round, ms);
    }
}

static void count_run(Row *row, double ms) {
    if (!row->runs || ms < row->shortest_ms) row->shortest_ms = ms;
    if (ms > row->longest_ms) row->longest_ms = ms;
    row->timed_ms += ms;
    ++row->runs;
}

/* A block of runs, after some that let the caches fill; 0 where one fails. */
static int time_block(Row *row, int round, int kind) {
    const double begin = now_ms();
    double timed, start, stop;
    if (row->first_ms < kLongRunMs) do {
            if (!run(row, kind)) return 0;
        } while (now_ms() - begin < kSettleMs);
    timed = now_ms();
    do {
        start = now_ms();
        if (!run(row, kind)) return 0;
        stop = now_ms();
        put_sample(row, kind, round, stop - start);
        if (kind == kRun) count_run(row, stop - start);
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
           (row->runs >= runs && row->timed_ms >= 1e3 * least_seconds);
}

static void take_turns(Row *rows, int count) {
    int unfinished = 1;
    for (int i = 0; i < count; ++i) {
        fputs(",\n   \"samples\": [", rows[i].json);
        for (int j = 0; j < warm_up && !rows[i].reason[0] && !interrupted; ++j) run(&rows[i], kRun);
    }
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
    for (int i = 0; i < count; ++i) putc(']', rows[i].json);
}

/* ---- what is written ---- */

/* With the summary line of MindSpore Lite's benchmark. */
static void print_row(const Row *row) {
    printf("%s %s, %dx%d, %d threads, denoise %g, %s: ", model_name(row), row->isa, (int)row->picture->width,
           (int)row->picture->height, row->threads, row->denoise, row->is_fast ? "fast" : "exact");
    if (row->reason[0] || !row->runs)
        printf("no result: %s\n", row->reason[0] ? row->reason : "interrupted before it was timed");
    else
        printf("%d runs\nModel = %s, NumThreads = %d, MinRunTime = %f ms, MaxRuntime = %f ms, AvgRunTime = %f ms\n",
               row->runs, model_name(row), row->threads, row->shortest_ms, row->longest_ms, row->timed_ms / row->runs);
}

/* What runtime/python/dcelite/machine.py reads of the kernel; %d stands for a processor or a sensor. */
static const char *const kFiles[] = {
    "/proc/cpuinfo", "/proc/meminfo", "/proc/self/status", "/proc/loadavg", "/proc/sys/kernel/osrelease", "/etc/os-release",
    "/proc/device-tree/model", "/sys/firmware/devicetree/base/model", "/sys/class/dmi/id/product_name",
    "/sys/devices/system/cpu/cpu%d/online", "/sys/devices/system/cpu/cpu%d/topology/core_id",
    "/sys/devices/system/cpu/cpu%d/cpu_capacity", "/sys/devices/system/cpu/cpu%d/cpufreq/cpuinfo_max_freq",
    "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq",
    "/sys/class/thermal/thermal_zone%d/type", "/sys/class/thermal/thermal_zone%d/temp", NULL};

static void put_files(FILE *file) {
    static char text[kMaxText];
    char path[128];
    int written = 0;
    fputs("\"files\": {", file);
    for (const char *const *pattern = kFiles; *pattern; ++pattern)
        for (int number = 0; number < (strstr(*pattern, "%d") ? kMaxNumber : 1); ++number) {
            FILE *source;
            snprintf(path, sizeof path, *pattern, number);
            source = fopen(path, "r");
            if (!source) continue;
            text[fread(text, 1, sizeof text - 1, source)] = '\0';
            fclose(source);
            put_string(file, comma(written++), path);
            put_string(file, ": ", text);
        }
    putc('}', file);
}

static void put_state(FILE *file, const char *before) {
    fprintf(file, "%s{\"unix_time\": %ld, ", before, (long)time(NULL));
    put_files(file);
    putc('}', file);
}

static void begin_document(FILE *file, int argument_count, char **arguments) {
    char created[64];
    const time_t seconds = time(NULL);
    struct tm parts;
    struct utsname name;
    uname(&name);
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%S+00:00", gmtime_r(&seconds, &parts));
    fprintf(file, "{\"format\": \"dcelite-bench-samples\", \"version\": 2, \"created\": \"%s\", \"command\": [", created);
    for (int i = 1; i < argument_count; ++i) put_string(file, comma(i - 1), arguments[i]);
    fprintf(file, "],\n \"settings\": {\"runs\": %g, \"seconds\": %g, \"max_seconds\": %g, \"warm_up\": %g, ", runs,
            least_seconds, most_seconds, warm_up);
    fprintf(file, "\"block_ms\": %g, \"rounds_of_a_series\": %d, ", kBlockMs, kRoundsOfASeries);
    fputs("\"image\": \"synthetic dark scene\", \"processors\": null},\n \"machine\": {", file);
    fprintf(file, "\"emulated\": %s, \"machine\": \"%s\", \"dcelite\": \"%s\", \"isas\": [",
            dce_bench_is_emulated() ? "true" : "false", name.machine, dce_version());
    for (int i = 0; i < kMost && isas[i]; ++i) put_string(file, comma(i), isas[i]);
    fputs("],\n  ", file);
    put_files(file);
    put_state(file, ",\n  \"before\": ");
}

static void end_document(FILE *file, Row *rows, int count) {
    put_state(file, ",\n  \"after\": ");
    fprintf(file, "},\n \"interrupted\": %s,\n \"roofline\": {\"energy_source\": null, ", interrupted ? "true" : "false");
    fprintf(file, copied > 0 ? "\"copied_bytes_a_second\": %.0f, " : "\"copied_bytes_a_second\": null, ", copied);
    fputs("\"multiply_adds_a_second\": {", file);
    for (int i = 0, written = 0; i < kMost; ++i)
        if (peaks[i] > 0) put_string(file, comma(written++), isas[i]), fprintf(file, ": %.0f", peaks[i]);
    fputs("}},\n \"results\": [\n", file);
    for (int i = 0; i < count; ++i) {
        if (rows[i].reason[0]) put_string(rows[i].json, ", \"reason\": ", rows[i].reason);
        if (fclose(rows[i].json) != 0) fail("dce_bench", "", "not enough memory");
        fprintf(file, "%s}%s", rows[i].text, i + 1 < count ? ",\n" : "\n]}\n");
    }
    if (fclose(file) != 0) fail("dce_bench", "", "not enough memory");
}

/* The file appears when it is complete; without --overwrite, nothing may have taken its name by then. Returns 0 on failure. */
static int write_json(const char *text) {
    char temporary[4096];
    int written, taken;
    FILE *file;
    snprintf(temporary, sizeof temporary, "%.4000s.%ld.new", json, (long)getpid());
    file = fopen(temporary, "wx");
    written = file && fputs(text, file) >= 0;
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
    int count = 0, failures = 0, written = 1;
    char *text = NULL;
    size_t bytes, most = 1;
    FILE *document = open_memstream(&text, &bytes);
    Row *rows;
    parse(argument_count, arguments);
    signal(SIGINT, interrupt);
    for (int i = kModel; i <= kPrecision; ++i) most *= (size_t)options[i].count;
    rows = calloc(most, sizeof *rows);
    if (!rows || !document) fail("dce_bench", "", "not enough memory");
    begin_document(document, argument_count, arguments);
    for (int size = 0; size < options[kSize].count; ++size) {
        pictures[size] = picture_of(options[kSize].values[size]);
        for (int threads = 0; threads < options[kThreads].count; ++threads)
            for (int model = 0; model < options[kModel].count; ++model)
                for (int isa = 0; isa < options[kIsa].count; ++isa)
                    for (int kind = 0; kind < options[kDenoise].count * options[kPrecision].count; ++kind) {
                        const char *denoise = options[kDenoise].values[kind / options[kPrecision].count];
                        Row *row = &rows[count++];
                        row->picture = &pictures[size];
                        row->threads = (int)number_of(&options[kThreads], options[kThreads].values[threads], 1, 64, 1);
                        row->model = options[kModel].values[model];
                        if (strcmp(row->model, "shipped") == 0) row->model = NULL;
                        row->isa = options[kIsa].values[isa];
                        row->denoise = number_of(&options[kDenoise], denoise, 0, 1, 0);
                        row->is_fast = is_fast(options[kPrecision].values[kind % options[kPrecision].count]);
                        begin_row(row);
                    }
    }
    for (int i = 0; i < kMost && isas[i]; ++i) peaks[i] = dce_bench_multiply_adds(isas[i], 0.2);
    copied = dce_bench_copied_bytes(0.2);
    for (int i = 0; i < count && !interrupted; ++i) prepare(&rows[i]);
    take_turns(rows, count);
    for (int i = 0; i < count && !interrupted; ++i)
        if (!rows[i].reason[0]) measure_memory(&rows[i]);
    for (int i = 0; i < count; ++i) print_row(&rows[i]);
    end_document(document, rows, count);
    if (json) written = write_json(text);
    for (int i = 0; i < count; ++i) failures += rows[i].reason[0] != '\0';
    return !written ? 2 : interrupted ? 130 : failures > 0; /* the system takes all memory back */
}
