/* What happens when memory or threads run out: every allocation of every call fails once, then every one from there on.
 *
 * The linker sends the library's calls of malloc and its kin, and of pthread_create, to the functions here (--wrap). */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "dcelite.h"
#include "formats.h"
#include "model_bytes.h"

/* The failing functions ------------------------------------------------------------------------------------------------- */

static long g_until_failure = -1; /* calls that still succeed; negative: all do */
static bool g_once;               /* only one call fails */
static bool g_failed;             /* one has */
static long g_live;               /* allocations that are not freed yet */

static bool granted(void) {
    if (__atomic_load_n(&g_until_failure, __ATOMIC_SEQ_CST) < 0) return true;
    if (__atomic_fetch_sub(&g_until_failure, 1, __ATOMIC_SEQ_CST) > 0) return true;
    __atomic_store_n(&g_until_failure, g_once ? -1 : 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&g_failed, true, __ATOMIC_SEQ_CST);
    return false;
}

static void *counted(void *memory) {
    if (memory) __atomic_fetch_add(&g_live, 1, __ATOMIC_SEQ_CST);
    return memory;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *memory);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __real_pthread_join(pthread_t thread, void **result);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size);
void __wrap_free(void *memory);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __wrap_pthread_join(pthread_t thread, void **result);

void *__wrap_malloc(size_t size) { return granted() ? counted(__real_malloc(size)) : NULL; }
void *__wrap_calloc(size_t count, size_t size) { return granted() ? counted(__real_calloc(count, size)) : NULL; }

void __wrap_free(void *memory) {
    if (memory) __atomic_fetch_sub(&g_live, 1, __ATOMIC_SEQ_CST);
    __real_free(memory);
}

/* The library uses none of these; if it begins to, this test has to learn how. */
static void *unexpected(const char *function) {
    fprintf(stderr, "the library calls %s, which this test does not make fail yet\n", function);
    exit(1);
}
void *__wrap_realloc(void *memory, size_t size) { return (void)memory, (void)size, unexpected("realloc"); }
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return (void)alignment, (void)size, unexpected("aligned_alloc");
}
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size) {
    return (void)memory, (void)alignment, (void)size, unexpected("posix_memalign") != NULL;
}

static int g_threads_granted = -1; /* threads that can still be made; negative: any number */
static int g_threads_made, g_threads_joined;

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    if (g_threads_granted == 0) return 11; /* EAGAIN */
    if (g_threads_granted > 0) --g_threads_granted;
    ++g_threads_made;
    return __real_pthread_create(thread, attributes, start, argument);
}

int __wrap_pthread_join(pthread_t thread, void **result) {
    ++g_threads_joined;
    return __real_pthread_join(thread, result);
}

static void fail_after(long calls, bool once) {
    g_failed = false;
    g_once = once;
    __atomic_store_n(&g_until_failure, calls, __ATOMIC_SEQ_CST);
}

static bool stop_failing(void) {
    __atomic_store_n(&g_until_failure, -1, __ATOMIC_SEQ_CST);
    return g_failed;
}

/* What is run --------------------------------------------------------------------------------------------------------- */

typedef struct scenario {
    const char *name;
    uint32_t architecture; /* of the model; 0: an engine */
    int threads, scale, source, destination, width, height;
    bool in_place;
    float smoothing, denoise, temporal_denoise;
} scenario;

static const scenario kScenarios[] = {
    {"preview", 1, 1, 12, DCE_RGB8, DCE_RGB8, 60, 48, false, 0, 0, 0},
    {"threads", 1, 3, 4, DCE_RGB8, DCE_BGRA8, 22, 88, false, 0, 0, 0},
    {"threads in place", 1, 4, 3, DCE_RGBA8, DCE_RGBA8, 13, 85, true, 0, 0, 0},
    {"Zero-DCE", 2, 2, 1, DCE_BGR8, DCE_RGB8, 5, 16, false, 0, 0, 0},
    {"Zero-DCE in place", 2, 2, 1, DCE_RGB8, DCE_RGB8, 4, 15, true, 0, 0, 0},
    {"scene head", 3, 3, 4, DCE_RGB8, DCE_RGB8, 22, 88, true, 0, 0, 0},
    {"scene head, video", 3, 2, 12, DCE_RGB8, DCE_RGB8, 25, 190, false, 0.5f, 0, 0},
    {"one pixel", 1, 2, 64, DCE_RGB8, DCE_RGB8, 1, 1, false, 0, 0, 0},
    {"engine", 0, 2, 6, DCE_RGB8, DCE_RGBA8, 21, 90, false, 0, 0, 0},
    {"video", 1, 2, 12, DCE_RGB8, DCE_RGB8, 25, 190, false, 0.5f, 0, 0},
    {"camera", 1, 2, 5, DCE_NV12, DCE_RGBA8, 21, 83, false, 0, 0, 0},
    {"camera, in place", 1, 2, 5, DCE_I420, DCE_I420, 21, 83, true, 0, 0, 0},
    {"16 bits", 1, 2, 5, DCE_RGB16, DCE_RGB16, 21, 83, false, 0, 0, 0},
    {"16 bits with alpha", 1, 2, 5, DCE_RGBA16, DCE_RGBA16, 21, 83, true, 0, 0, 0},
    {"10 bits", 1, 2, 5, DCE_P010, DCE_RGBA8, 21, 83, false, 0, 0, 0},
    {"10 bits, in place, video", 3, 2, 5, DCE_P010, DCE_P010, 21, 83, true, 0.5f, 0, 0},
    {"noise, 10 bits, over time", 1, 2, 12, DCE_I010, DCE_P010, 37, 83, false, 0, 1, 1},
    {"noise", 3, 3, 4, DCE_RGBA8, DCE_RGBA8, 22, 88, true, 0, 1, 0},
    {"noise, 16 bits", 1, 2, 5, DCE_RGB16, DCE_RGB16, 21, 83, false, 0, 1, 0},
    {"noise over time", 3, 2, 12, DCE_I420, DCE_I420, 37, 83, true, 0, 1, 1},
    {"noise over time, smoothing", 1, 2, 12, DCE_NV12, DCE_RGBA8, 21, 83, false, 0.5f, 0.5f, 1},
};

enum { LARGEST = 3 * 25 * 190 };
static size_t g_model_size; /* of the scenario's model, in g_model */
static uint8_t g_model[LARGEST_MODEL];
static _Alignas(2) uint8_t g_source[LARGEST], g_pixels[LARGEST], g_result[LARGEST], g_wanted[LARGEST];

static int run_engine(void *context, const float *image, int32_t height, int32_t width, float *map, char *message,
                      size_t message_size) {
    (void)context, (void)message, (void)message_size;
    for (int i = 0; i < 3 * height * width; ++i) map[i] = image[i] - 1.0f;
    return 0;
}

static dce_options options_of(const scenario *s) {
    static dce_engine engine = {sizeof engine, NULL, 3, 6, run_engine, NULL};
    dce_options options;
    dce_options_init(&options);
    options.threads = s->threads;
    options.smoothing = s->smoothing;
    options.denoise = s->denoise;
    options.temporal_denoise = s->temporal_denoise;
    if (s->architecture == 0) {
        options.engine = &engine;
    } else {
        options.model_data = g_model;
        options.model_data_size = g_model_size;
    }
    return options;
}

/* Planes one after the other, without padding. */
static dce_image image_of(const scenario *s, int format, uint8_t *bytes) {
    const format_facts facts = kFacts[format];
    const int chroma_bytes = facts.value_bytes * (facts.planes == 2 ? 2 : 1);
    const int half_width = (s->width + 1) / 2, half_height = (s->height + 1) / 2;
    dce_image image;
    memset(&image, 0, sizeof image);
    image.format = format;
    image.width = s->width;
    image.height = s->height;
    image.plane[0] = bytes;
    image.stride[0] = (ptrdiff_t)s->width * facts.pixel_bytes;
    if (is_yuv(format)) {
        image.plane[1] = bytes + (ptrdiff_t)s->height * image.stride[0];
        image.stride[1] = image.stride[2] = (ptrdiff_t)half_width * chroma_bytes;
        image.plane[2] = (uint8_t *)image.plane[1] + half_height * image.stride[1];
    }
    CHECK((size_t)s->height * (size_t)image.stride[0] + 2 * (size_t)half_height * (size_t)image.stride[1] <= LARGEST);
    return image;
}

static dce_enhancer *open_model(const scenario *s) {
    const dce_options options = options_of(s);
    dce_enhancer *handle;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_OK);
    return handle;
}

/* One frame from g_source to g_result. */
static dce_status enhance(dce_enhancer *handle, const scenario *s) {
    uint8_t *pixels = s->in_place ? g_result : g_pixels;
    memset(g_result, 0x55, LARGEST);
    memcpy(pixels, g_source, LARGEST);
    const dce_image source = image_of(s, s->source, pixels), destination = image_of(s, s->destination, g_result);
    return dce_enhance(handle, &source, &destination);
}

static void check_failure(const dce_enhancer *handle, dce_status status) {
    CHECK_EQUAL(status, DCE_ERROR_OUT_OF_MEMORY);
    CHECK(strstr(dce_error_message(handle), "no memory"));
}

/* The tests: each tries n = 0, 1, … until a run needs no more than n allocations; returns how many failed. --------------- */

static int test_open(const scenario *s, bool once) {
    const dce_options options = options_of(s);
    int n = 0;
    for (bool failed = true; failed; ++n) {
        dce_enhancer *handle;
        fail_after(n, once);
        const dce_status status = dce_open(&options, &handle);
        failed = stop_failing();
        if (status == DCE_OK)
            CHECK_EQUAL(enhance(handle, s), DCE_OK);
        else
            check_failure(handle, status);
        CHECK(failed || status == DCE_OK);
        dce_close(handle);
        CHECK_EQUAL(g_live, 0);
    }
    return n - 1;
}

static int test_enhance(const scenario *s, bool once) {
    dce_enhancer *handle = open_model(s);
    CHECK_EQUAL(enhance(handle, s), DCE_OK);
    memcpy(g_wanted, g_result, LARGEST);
    dce_close(handle);
    int n = 0;
    for (bool failed = true; failed; ++n) {
        handle = open_model(s);
        fail_after(n, once);
        const dce_status status = enhance(handle, s);
        failed = stop_failing();
        if (status != DCE_OK) {
            check_failure(handle, status);
            CHECK_EQUAL(enhance(handle, s), DCE_OK);
        }
        CHECK(memcmp(g_result, g_wanted, LARGEST) == 0);
        CHECK(failed || status == DCE_OK);
        CHECK_EQUAL(strlen(dce_error_message(handle)), 0);
        dce_close(handle);
        CHECK_EQUAL(g_live, 0);
    }
    return n - 1;
}

static int test_curve_map(const scenario *s, bool once) {
    enum { FLOATS = 24 * 60 * 48 };
    static float map[FLOATS], wanted[FLOATS];
    memcpy(g_pixels, g_source, LARGEST);
    const dce_image source = image_of(s, s->source, g_pixels);
    dce_enhancer *handle = open_model(s);
    CHECK_EQUAL(dce_curve_map(handle, &source, wanted, FLOATS), DCE_OK);
    dce_close(handle);
    int n = 0;
    for (bool failed = true; failed; ++n) {
        handle = open_model(s);
        fail_after(n, once);
        dce_status status = dce_curve_map(handle, &source, map, FLOATS);
        failed = stop_failing();
        if (status != DCE_OK) {
            check_failure(handle, status);
            status = dce_curve_map(handle, &source, map, FLOATS);
        }
        CHECK_EQUAL(status, DCE_OK);
        CHECK(memcmp(map, wanted, sizeof map) == 0);
        dce_close(handle);
        CHECK_EQUAL(g_live, 0);
    }
    return n - 1;
}

/* Buffers that have grown once must grow again, and may fail to. */
static void test_growing(const scenario *s, bool once) {
    scenario small = *s;
    small.width = (s->width + 3) / 4;
    small.height = (s->height + 2) / 3;
    dce_enhancer *handle = open_model(s);
    CHECK_EQUAL(enhance(handle, s), DCE_OK);
    memcpy(g_wanted, g_result, LARGEST);
    dce_close(handle);
    bool failed = true;
    for (int n = 0; failed; ++n) {
        handle = open_model(s);
        CHECK_EQUAL(enhance(handle, &small), DCE_OK);
        fail_after(n, once);
        const dce_status status = enhance(handle, s);
        failed = stop_failing();
        if (status != DCE_OK) {
            check_failure(handle, status);
            CHECK_EQUAL(enhance(handle, &small), DCE_OK);
            CHECK_EQUAL(enhance(handle, s), DCE_OK);
        }
        if (s->smoothing == 0) CHECK(memcmp(g_result, g_wanted, LARGEST) == 0);
        dce_close(handle);
        CHECK_EQUAL(g_live, 0);
    }
}

static void test_file(const char *path) {
    dce_options options;
    dce_options_init(&options);
    options.model_path = path;
    options.threads = 1;
    bool failed = true;
    for (int n = 0; failed; ++n) {
        dce_enhancer *handle;
        fail_after(n, false);
        const dce_status status = dce_open(&options, &handle);
        failed = stop_failing();
        if (failed) check_failure(handle, status);
        CHECK_EQUAL(status, failed ? DCE_ERROR_OUT_OF_MEMORY : DCE_OK);
        dce_close(handle);
        CHECK_EQUAL(g_live, 0);
    }
}

/* Threads that the system does not grant: the same bits, with those that there are. */
static void test_threads(const scenario *s) {
    scenario single = *s, many = *s;
    single.threads = 1;
    many.threads = 6;
    dce_enhancer *handle = open_model(&single);
    CHECK_EQUAL(enhance(handle, s), DCE_OK);
    memcpy(g_wanted, g_result, LARGEST);
    dce_close(handle);
    for (int granted_threads = 0; granted_threads < many.threads; ++granted_threads) {
        g_threads_granted = granted_threads;
        g_threads_made = g_threads_joined = 0;
        handle = open_model(&many);
        CHECK_EQUAL(enhance(handle, s), DCE_OK);
        CHECK(memcmp(g_result, g_wanted, LARGEST) == 0);
        dce_close(handle);
        CHECK_EQUAL(g_threads_made, granted_threads);
        CHECK_EQUAL(g_threads_joined, granted_threads);
        CHECK_EQUAL(g_live, 0);
    }
    g_threads_granted = -1;
}

int main(int argc, char **argv) {
    unsigned state = 17;
    for (int i = 0; i < LARGEST; ++i) g_source[i] = (uint8_t)(random_u32(&state) >> 25);
    for (size_t i = 0; i < sizeof kScenarios / sizeof *kScenarios; ++i) {
        const scenario *s = &kScenarios[i];
        g_model_size = make_model(g_model, s->architecture, (uint32_t)s->scale);
        for (int once = 0; once <= 1; ++once) {
            const int opening = test_open(s, once), enhancing = test_enhance(s, once), mapping = test_curve_map(s, once);
            test_growing(s, once);
            /* Fewer would mean that the failing functions were not called. */
            CHECK(opening >= 1 && enhancing >= 3 && mapping >= 3);
            printf("%s: failed %d allocations of opening, %d of enhancing, %d of the curve map\n", s->name, opening,
                   enhancing, mapping);
        }
        test_threads(s);
    }
    CHECK_EQUAL(argc, 2);
    test_file(argv[1]);
    return 0;
}
