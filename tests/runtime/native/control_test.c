/* What changes on an open handle: strength, smoothing and white; and the times that it keeps. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "dcelite.h"

enum { W = 300, H = 200, SIZE = W * H * 3 };

static uint8_t pixels[SIZE];

static dce_enhancer *open_with(int threads, float strength, float smoothing, int timings) {
    dce_options options;
    dce_enhancer *handle;
    dce_options_init(&options);
    options.threads = threads;
    options.strength = strength;
    options.smoothing = smoothing;
    options.timings = timings;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_OK);
    return handle;
}

static void enhance_to(dce_enhancer *handle, int format, uint8_t *result) {
    dce_image source = {.format = DCE_RGB8, .width = W, .height = H, .plane = {pixels}, .stride = {W * 3}};
    dce_image destination = source;
    destination.format = format;
    destination.stride[0] = format == DCE_RGBA8 ? W * 4 : W * 3;
    destination.plane[0] = result;
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
}

/* A handle whose strength was changed does what one does that was opened with it. */
static void strength_changes(void) {
    static uint8_t changed[SIZE], opened[SIZE];
    dce_enhancer *handle = open_with(2, 1.0f, 0.0f, 0);
    const float strengths[] = {0.0f, 0.25f, 1.0f};
    for (int i = 0; i < 3; ++i) {
        dce_enhancer *fresh = open_with(1, strengths[i], 0.0f, 0);
        CHECK_EQUAL(dce_set_strength(handle, strengths[i]), DCE_OK);
        enhance_to(handle, DCE_RGB8, changed);
        enhance_to(fresh, DCE_RGB8, opened);
        CHECK(memcmp(changed, opened, SIZE) == 0);
        CHECK((memcmp(changed, pixels, SIZE) == 0) == (strengths[i] == 0.0f));
        dce_close(fresh);
    }
    const float wrong[] = {-0.1f, 1.5f, NAN};
    for (int i = 0; i < 3; ++i) {
        CHECK_EQUAL(dce_set_strength(handle, wrong[i]), DCE_ERROR_INVALID_ARGUMENT);
        CHECK(strstr(dce_error_message(handle), "strength") != NULL);
    }
    enhance_to(handle, DCE_RGB8, changed);
    CHECK(memcmp(changed, opened, SIZE) == 0);
    CHECK_EQUAL(dce_set_strength(NULL, 1.0f), DCE_ERROR_INVALID_ARGUMENT);
    dce_close(handle);
}

static void brighten(int levels) {
    for (int i = 0; i < SIZE; ++i) pixels[i] = (uint8_t)(pixels[i] + levels);
}

/* Smoothing that is switched on knows nothing of the frames before; switched off, every frame is on its own. */
static void smoothing_changes(void) {
    static uint8_t alone[SIZE], result[SIZE];
    dce_enhancer *plain = open_with(2, 1.0f, 0.0f, 0), *handle = open_with(2, 1.0f, 0.8f, 0);
    enhance_to(handle, DCE_RGB8, result);
    brighten(2);
    CHECK_EQUAL(dce_set_smoothing(handle, 0.0f), DCE_OK);
    enhance_to(plain, DCE_RGB8, alone);
    enhance_to(handle, DCE_RGB8, result);
    CHECK(memcmp(result, alone, SIZE) == 0);

    CHECK_EQUAL(dce_set_smoothing(handle, 0.8f), DCE_OK);
    enhance_to(handle, DCE_RGB8, result);
    CHECK(memcmp(result, alone, SIZE) == 0);
    brighten(2);
    CHECK_EQUAL(dce_set_smoothing(handle, 0.9f), DCE_OK); /* goes on with the frames so far */
    enhance_to(plain, DCE_RGB8, alone);
    enhance_to(handle, DCE_RGB8, result);
    CHECK(memcmp(result, alone, SIZE) != 0);
    brighten(-4);

    const float wrong[] = {-0.1f, 1.0f, NAN};
    for (int i = 0; i < 3; ++i) {
        CHECK_EQUAL(dce_set_smoothing(handle, wrong[i]), DCE_ERROR_INVALID_ARGUMENT);
        CHECK(strstr(dce_error_message(handle), "smoothing") != NULL);
    }
    CHECK_EQUAL(dce_set_smoothing(NULL, 0.0f), DCE_ERROR_INVALID_ARGUMENT);
    dce_close(plain);
    dce_close(handle);
}

/* The white of YUV, of which RGB knows nothing: what is brighter stays as it is, and another one begins a new video. */
static void white_changes(void) {
    enum { WIDE = 96, HIGH = 64 };
    static uint16_t source[WIDE * HIGH * 3 / 2], changed[WIDE * HIGH * 3 / 2], opened[WIDE * HIGH * 3 / 2];
    static uint8_t before[SIZE], after[SIZE];
    for (int i = 0; i < WIDE * HIGH; ++i) source[i] = (uint16_t)(i < WIDE ? 64 + i * 9 : 100);
    for (int i = WIDE * HIGH; i < WIDE * HIGH * 3 / 2; ++i) source[i] = 512;
    dce_image from = {.format = DCE_I010, .width = WIDE, .height = HIGH, .matrix = DCE_BT2020_LIMITED,
                      .plane = {source, source + WIDE * HIGH, source + WIDE * HIGH * 5 / 4},
                      .stride = {2 * WIDE, WIDE, WIDE}};
    dce_image to[2] = {from, from};
    for (int i = 0; i < 3; ++i) {
        to[0].plane[i] = changed + ((uint16_t *)from.plane[i] - source);
        to[1].plane[i] = opened + ((uint16_t *)from.plane[i] - source);
    }
    dce_enhancer *handle = open_with(2, 1.0f, 0.5f, 0);
    CHECK_EQUAL(dce_enhance(handle, &from, &to[0]), DCE_OK);
    CHECK(changed[WIDE - 20] > source[WIDE - 20]);
    enhance_to(handle, DCE_RGB8, before);
    const float whites[] = {0.5f, 0.75f, 1.0f};
    for (int i = 0; i < 3; ++i) {
        dce_options options;
        dce_enhancer *fresh;
        dce_options_init(&options);
        CHECK(options.white == 1.0f);
        options.smoothing = 0.5f;
        options.white = whites[i];
        CHECK_EQUAL(dce_open(&options, &fresh), DCE_OK);
        CHECK_EQUAL(dce_set_white(handle, whites[i]), DCE_OK);
        CHECK_EQUAL(dce_enhance(handle, &from, &to[0]), DCE_OK);
        CHECK_EQUAL(dce_enhance(fresh, &from, &to[1]), DCE_OK);
        CHECK(memcmp(changed, opened, sizeof changed) == 0);
        const float peak = 64.0f + 876.0f * whites[i];
        for (int x = 0; x < WIDE; ++x)
            CHECK((float)source[x] > peak ? changed[x] == source[x] : (float)changed[x] < peak + 1.0f);
        dce_close(fresh);
    }
    CHECK_EQUAL(dce_set_white(handle, 0.25f), DCE_OK);
    enhance_to(handle, DCE_RGB8, after);
    CHECK(memcmp(before, after, SIZE) == 0);
    const float wrong[] = {0.0f, -0.5f, 1.001f, INFINITY, NAN};
    for (int i = 0; i < 5; ++i) {
        CHECK_EQUAL(dce_set_white(handle, wrong[i]), DCE_ERROR_INVALID_ARGUMENT);
        CHECK(strstr(dce_error_message(handle), "white: "));
        CHECK(strstr(dce_error_message(handle), ", more than 0 to 1 was wanted"));
        dce_options options;
        dce_enhancer *none;
        dce_options_init(&options);
        options.white = wrong[i];
        CHECK_EQUAL(dce_open(&options, &none), DCE_ERROR_INVALID_ARGUMENT);
        CHECK(strstr(dce_error_message(none), "white: "));
        dce_close(none);
    }
    CHECK_EQUAL(dce_set_white(NULL, 1.0f), DCE_ERROR_INVALID_ARGUMENT);
    dce_close(handle);
}

static dce_timings timings_of(dce_enhancer *handle) {
    dce_timings timings = {.size = sizeof timings};
    CHECK_EQUAL(dce_get_timings(handle, &timings), DCE_OK);
    return timings;
}

/* The stages of any number of threads and of every path are there, and no more than the whole. */
static void timings_add_up(void) {
    static uint8_t result[W * H * 4];
    for (int threads = 1; threads <= 3; ++threads)
        for (int smoothed = 0; smoothed < 2; ++smoothed) {
            dce_enhancer *handle = open_with(threads, 1.0f, smoothed ? 0.5f : 0.0f, 1);
            CHECK_EQUAL(timings_of(handle).total_ns, 0);
            for (int rgba = 0; rgba < 2; ++rgba) {
                enhance_to(handle, rgba ? DCE_RGBA8 : DCE_RGB8, result);
                const dce_timings t = timings_of(handle);
                CHECK(t.downsample_ns > 0 && t.network_ns > 0 && t.curve_ns > 0);
                CHECK((t.convert_ns > 0) == (rgba == 1));
                const int64_t stages = t.convert_ns + t.downsample_ns + t.network_ns + t.curve_ns;
                CHECK(stages <= t.total_ns);
                CHECK(threads > 1 || stages >= t.total_ns / 2);
            }
            dce_close(handle);
        }
}

static void timings_are_refused(void) {
    dce_enhancer *without = open_with(1, 1.0f, 0.0f, 0), *with = open_with(1, 1.0f, 0.0f, 1);
    dce_timings timings = {.size = sizeof timings}, short_one = {.size = sizeof(size_t) - 1};
    CHECK_EQUAL(dce_get_timings(without, &timings), DCE_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(dce_get_timings(with, &short_one), DCE_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(dce_get_timings(with, NULL), DCE_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(dce_get_timings(NULL, &timings), DCE_ERROR_INVALID_ARGUMENT);
    dce_close(without);
    dce_close(with);
}

int main(void) {
    unsigned state = 5;
    for (int i = 0; i < SIZE; ++i) pixels[i] = (uint8_t)(10 + random_u32(&state) % 40);
    strength_changes();
    smoothing_changes();
    white_changes();
    timings_add_up();
    timings_are_refused();
    return 0;
}
