/* Videos: the flicker of a static noisy scene falls, nothing of the scene before a cut is left, and the history is what
 * dcelite.h says, with any number of threads. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "dcelite.h"

enum { W = 240, H = 180, SIZE = W * H * 3, FRAMES = 20 };

static dce_enhancer *open_with(int threads, float smoothing, int map_interval) {
    dce_options options;
    dce_enhancer *handle;
    dce_options_init(&options);
    options.threads = threads;
    options.smoothing = smoothing;
    options.map_interval = map_interval;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_OK);
    return handle;
}

/* Frame `index` of a dark scene with noise; two scenes. */
static void make_frame(int scene, int index, uint8_t *pixels) {
    unsigned state = 77u + 1000u * (unsigned)scene + (unsigned)index;
    for (int i = 0; i < 10; ++i) random_u32(&state);
    for (int y = 0; y < H; ++y)
        for (int x = 0; x < W; ++x)
            for (int c = 0; c < 3; ++c) {
                const int light = scene ? 20 + (x * y / 97) % 50 : 8 + (H - y) / 6 + 10 * c;
                const int noise = (int)(random_u32(&state) >> 28) - (int)(random_u32(&state) >> 28);
                const int value = light + noise;
                pixels[(y * W + x) * 3 + c] = (uint8_t)(value < 0 ? 0 : value);
            }
}

static dce_image image_of(uint8_t *pixels, int width, int height) {
    return (dce_image){.format = DCE_RGB8, .width = width, .height = height, .plane = {pixels}, .stride = {W * 3}};
}

static void enhance(dce_enhancer *handle, int scene, int index, uint8_t *result) {
    static uint8_t pixels[SIZE];
    make_frame(scene, index, pixels);
    dce_image source = image_of(pixels, W, H), destination = image_of(result, W, H);
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
}

static double mean_of(const uint8_t *pixels) {
    double sum = 0;
    for (int i = 0; i < SIZE; ++i) sum += pixels[i];
    return sum / SIZE;
}

static double flicker(float smoothing) {
    static uint8_t result[SIZE];
    dce_enhancer *handle = open_with(2, smoothing, 1);
    double before = 0, sum = 0;
    for (int i = 0; i < FRAMES; ++i) {
        enhance(handle, 0, i, result);
        const double mean = mean_of(result);
        if (i) sum += fabs(mean - before);
        before = mean;
    }
    dce_close(handle);
    return sum / (FRAMES - 1);
}

static void test_flicker_falls(void) {
    const double alone = flicker(0.0f), smoothed = flicker(0.9f);
    if (!(smoothed * 4 <= alone)) {
        fprintf(stderr, "flicker %g with smoothing, %g without\n", smoothed, alone);
        exit(1);
    }
}

/* The first frame of a scene is what a fresh handle makes of it, and what one without smoothing does. */
static void test_cut(int map_interval) {
    static uint8_t result[SIZE], fresh[SIZE], alone[SIZE];
    dce_enhancer *video = open_with(3, 0.9f, map_interval), *first = open_with(1, 0.9f, map_interval);
    dce_enhancer *single = open_with(2, 0.0f, 1);
    for (int i = 0; i < 6; ++i) enhance(video, 0, i, result);
    enhance(single, 0, 5, alone);
    CHECK(memcmp(result, alone, SIZE) != 0);
    enhance(video, 1, 6, result);
    enhance(first, 1, 6, fresh);
    enhance(single, 1, 6, alone);
    CHECK(memcmp(result, fresh, SIZE) == 0);
    CHECK(memcmp(result, alone, SIZE) == 0);
    enhance(video, 1, 7, result); /* and the history is that of the new scene */
    enhance(first, 1, 7, fresh);
    CHECK(memcmp(result, fresh, SIZE) == 0);
    dce_close(video);
    dce_close(first);
    dce_close(single);
}

static void test_reset(void) {
    static uint8_t result[SIZE], alone[SIZE];
    dce_enhancer *video = open_with(2, 0.8f, 3), *single = open_with(2, 0.0f, 1);
    for (int i = 0; i < 5; ++i) enhance(video, 0, i, result);
    CHECK_EQUAL(dce_reset(video), DCE_OK);
    enhance(video, 0, 5, result);
    enhance(single, 0, 5, alone);
    CHECK(memcmp(result, alone, SIZE) == 0);
    CHECK_EQUAL(dce_reset(NULL), DCE_ERROR_INVALID_ARGUMENT);
    dce_close(video);
    dce_close(single);
}

static void test_change_of_size(void) {
    static uint8_t pixels[SIZE], result[SIZE], alone[SIZE];
    dce_enhancer *video = open_with(2, 0.8f, 2), *single = open_with(2, 0.0f, 1);
    static const int sizes[][2] = {{W, H}, {100, 90}, {W, H}, {1, 1}, {W, 3}, {5, H}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        make_frame(0, (int)i, pixels);
        dce_image source = image_of(pixels, sizes[i][0], sizes[i][1]);
        dce_image a = image_of(result, sizes[i][0], sizes[i][1]), b = image_of(alone, sizes[i][0], sizes[i][1]);
        CHECK_EQUAL(dce_enhance(video, &source, &a), DCE_OK);
        CHECK_EQUAL(dce_enhance(single, &source, &b), DCE_OK);
        CHECK(memcmp(result, alone, SIZE) == 0);
    }
    dce_close(video);
    dce_close(single);
}

/* In place too; the curve map of a frame, asked for in between, leaves no trace and shows none of the history. */
static void test_threads_and_curve_map(void) {
    enum { FLOATS = 20 * 15 * 3 };
    static uint8_t wanted[SIZE], result[SIZE], pixels[SIZE];
    static float map[FLOATS], map_alone[FLOATS];
    dce_enhancer *single = open_with(1, 0.7f, 2), *several = open_with(5, 0.7f, 2), *fresh = open_with(1, 0.0f, 1);
    for (int i = 0; i < 7; ++i) {
        enhance(single, 0, i, wanted);
        make_frame(0, i, result);
        dce_image image = image_of(result, W, H), other = image_of(pixels, W, H);
        CHECK_EQUAL(dce_enhance(several, &image, &image), DCE_OK);
        CHECK(memcmp(result, wanted, SIZE) == 0);
        make_frame(1, i, pixels);
        CHECK_EQUAL(dce_curve_map(several, &other, map, FLOATS), DCE_OK);
        CHECK_EQUAL(dce_curve_map(fresh, &other, map_alone, FLOATS), DCE_OK);
        CHECK(memcmp(map, map_alone, sizeof map) == 0);
    }
    dce_close(single);
    dce_close(several);
    dce_close(fresh);
}

/* An engine that counts: with map_interval n the map is estimated on every n-th frame and on the first of a scene. */
static int g_calls, g_fails;

static int count_calls(void *context, const float *image, int32_t height, int32_t width, float *map, char *message,
                       size_t message_size) {
    (void)context, (void)image, (void)message, (void)message_size;
    if (g_fails) return 1;
    ++g_calls;
    for (int i = 0; i < 3 * height * width; ++i) map[i] = -0.02f * (float)g_calls;
    return 0;
}

static void test_interval(void) {
    static uint8_t result[SIZE], before[SIZE];
    static const int scenes[] = {0, 0, 0, 0, 1, 1, 1, 1, 1}, calls[] = {1, 1, 1, 2, 3, 3, 3, 4, 4};
    dce_engine engine = {sizeof engine, NULL, 3, 12, count_calls, NULL};
    dce_options options;
    dce_enhancer *handle;
    dce_options_init(&options);
    options.engine = &engine;
    options.map_interval = 3;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_OK);
    for (int i = 0; i < 9; ++i) {
        enhance(handle, scenes[i], 0, result);
        CHECK_EQUAL(g_calls, calls[i]);
        if (i && calls[i] == calls[i - 1]) CHECK(memcmp(result, before, SIZE) == 0);
        memcpy(before, result, SIZE);
    }
    static uint8_t pixels[SIZE];
    make_frame(0, 0, pixels);
    dce_image image = image_of(pixels, W, H);
    g_fails = 1; /* a frame that failed was never shown: the next begins anew */
    CHECK_EQUAL(dce_reset(handle), DCE_OK);
    CHECK_EQUAL(dce_enhance(handle, &image, &image), DCE_ERROR_ENGINE);
    g_fails = 0;
    enhance(handle, 0, 0, result);
    CHECK_EQUAL(g_calls, 5);
    enhance(handle, 0, 0, result);
    CHECK_EQUAL(g_calls, 5);
    dce_close(handle);
}

/* The map is smoothing x the map so far + (1 - smoothing) x the estimate; the brightness follows in the same way. */
static void test_averages(void) {
    static uint8_t result[SIZE];
    dce_engine engine = {sizeof engine, NULL, 3, 12, count_calls, NULL};
    dce_options options;
    dce_enhancer *handle;
    dce_options_init(&options);
    options.engine = &engine;
    options.smoothing = 0.75f;
    g_calls = 14;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_OK);
    double a = 0, held = 0;
    for (int i = 0; i < 5; ++i) {
        static uint8_t pixels[SIZE];
        enhance(handle, 1, 0, result);
        make_frame(1, 0, pixels);
        a = i ? 0.75 * a + 0.25 * -0.02 * g_calls : -0.02 * g_calls;
        double mean = 0;
        for (int k = 0; k < SIZE; ++k) {
            double v = pixels[k] / 255.0;
            for (int n = 0; n < DCE_ITERATIONS; ++n) v += a * (v * v - v);
            mean += 255 * v / SIZE;
        }
        held = i ? 0.75 * held + 0.25 * mean : mean;
        CHECK(fabs(mean_of(result) - held) < 0.003 * held);
        CHECK(i == 0 || fabs(mean - held) > 0.008 * held);
    }
    dce_close(handle);
}

static void test_refused_options(void) {
    static const float bad[] = {-0.1f, 1.0f, 2.0f};
    dce_options options;
    dce_enhancer *handle;
    for (int i = 0; i < 4; ++i) {
        dce_options_init(&options);
        options.smoothing = i < 3 ? bad[i] : NAN;
        CHECK_EQUAL(dce_open(&options, &handle), DCE_ERROR_INVALID_ARGUMENT);
        CHECK(strstr(dce_error_message(handle), "smoothing: "));
        CHECK_EQUAL(dce_reset(handle), DCE_ERROR_INVALID_ARGUMENT);
        dce_close(handle);
    }
    for (int interval = -1; interval <= 0; ++interval) {
        dce_options_init(&options);
        options.map_interval = interval;
        CHECK_EQUAL(dce_open(&options, &handle), DCE_ERROR_INVALID_ARGUMENT);
        CHECK(strstr(dce_error_message(handle), "map_interval: "));
        dce_close(handle);
    }
}

int main(void) {
    test_flicker_falls();
    test_cut(1);
    test_cut(4);
    test_reset();
    test_change_of_size();
    test_threads_and_curve_map();
    test_interval();
    test_averages();
    test_refused_options();
    return 0;
}
