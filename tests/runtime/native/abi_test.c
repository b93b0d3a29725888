/* Programs that were compiled against another header of the same ABI version: their structures are shorter, or longer. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "dcelite.h"

enum { LONGER = 256, W = 24, H = 24 };
static uint8_t g_pixels[W * H * 3];

static int fill_with_zeros(void *context, const float *image, int32_t height, int32_t width, float *map, char *message,
                           size_t message_size) {
    (void)context, (void)image, (void)message, (void)message_size;
    memset(map, 0, sizeof(float) * 3 * (size_t)height * (size_t)width);
    return 0;
}

static dce_enhancer *open_with(const void *options) {
    dce_enhancer *handle;
    CHECK_EQUAL(dce_open(options, &handle), DCE_OK);
    return handle;
}

/* Every size that `get` may be given: what is within it is answered, and nothing beyond it is touched. */
static void check_answers(dce_enhancer *handle, dce_status (*get)(dce_enhancer *, void *), size_t known) {
    static uint8_t whole[LONGER], answer[LONGER];
    size_t size = known;
    memset(whole, 0xa5, sizeof whole);
    memcpy(whole, &size, sizeof size);
    CHECK_EQUAL(get(handle, whole), DCE_OK);
    for (size = sizeof size; size <= LONGER; ++size) {
        memset(answer, 0xa5, sizeof answer);
        memcpy(answer, &size, sizeof size);
        CHECK_EQUAL(get(handle, answer), DCE_OK);
        CHECK(memcmp(answer, &size, sizeof size) == 0); /* the size stays the caller's */
        for (size_t i = sizeof size; i < LONGER; ++i)
            CHECK_EQUAL(answer[i], i >= size ? 0xa5 : i < known ? whole[i] : 0);
    }
    for (int i = 0; i < 3; ++i) {
        const size_t refused[] = {0, sizeof size - 1, (size_t)-1};
        memcpy(answer, &refused[i], sizeof size);
        CHECK_EQUAL(get(handle, answer), DCE_ERROR_INVALID_ARGUMENT);
        CHECK(dce_error_message(handle)[0] != '\0');
    }
    CHECK_EQUAL(get(handle, NULL), DCE_ERROR_INVALID_ARGUMENT);
}

static dce_status get_info(dce_enhancer *handle, void *info) { return dce_get_model_info(handle, info); }
static dce_status get_timings(dce_enhancer *handle, void *timings) { return dce_get_timings(handle, timings); }

static void test_answers(void) {
    dce_options options;
    dce_image image = {.format = DCE_RGB8, .width = W, .height = H, .plane = {g_pixels}, .stride = {W * 3}};
    dce_options_init(&options);
    options.timings = 1;
    options.threads = 1;
    dce_enhancer *handle = open_with(&options);
    CHECK_EQUAL(dce_enhance(handle, &image, &image), DCE_OK);
    check_answers(handle, get_info, sizeof(dce_model_info));
    check_answers(handle, get_timings, sizeof(dce_timings));
    dce_close(handle);
}

static void test_options(void) {
    union {
        dce_options options;
        uint8_t bytes[LONGER];
    } given;
    memset(&given, 0xa5, sizeof given); /* what a newer header has, this library cannot know */
    dce_options_init_size(&given.options, LONGER);
    for (size_t i = sizeof(dce_options); i < LONGER; ++i) CHECK_EQUAL(given.bytes[i], 0);
    CHECK_EQUAL(given.options.size, LONGER);
    memset(given.bytes + sizeof(dce_options), 0xa5, LONGER - sizeof(dce_options));
    dce_close(open_with(&given));
    const size_t first_version = offsetof(dce_options, strength) + sizeof(float);
    memset(&given, 0xa5, sizeof given);
    dce_options_init_size(&given.options, first_version);
    for (size_t i = first_version; i < LONGER; ++i) CHECK_EQUAL(given.bytes[i], 0xa5);
    dce_close(open_with(&given));
    /* Before `white`, the structure ended in padding: whatever stands there is no option. */
    const size_t end = offsetof(dce_options, noise_level) + sizeof(float);
    const size_t before_white = (end + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);
    CHECK(before_white <= offsetof(dce_options, white));
    memset(&given, 0xa5, sizeof given);
    dce_options_init_size(&given.options, before_white);
    memset(given.bytes + end, 0xa5, LONGER - end);
    dce_close(open_with(&given));
    /* And before `precision` in some more. */
    const size_t white = offsetof(dce_options, white) + sizeof(float);
    const size_t before_precision = (white + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);
    CHECK(before_precision <= offsetof(dce_options, precision));
    memset(&given, 0xa5, sizeof given);
    dce_options_init_size(&given.options, before_precision);
    memset(given.bytes + white, 0xa5, LONGER - white);
    dce_close(open_with(&given));
    dce_enhancer *handle;
    given.options.size = first_version - 1;
    CHECK_EQUAL(dce_open(&given.options, &handle), DCE_ERROR_INVALID_ARGUMENT);
    dce_close(handle);
}

static void test_engine(void) {
    union {
        dce_engine engine;
        uint8_t bytes[LONGER];
    } given;
    memset(&given, 0xa5, sizeof given);
    given.engine = (dce_engine){LONGER, NULL, 3, 12, fill_with_zeros, NULL};
    dce_options options;
    dce_options_init(&options);
    options.engine = &given.engine;
    dce_enhancer *handle = open_with(&options);
    dce_image image = {.format = DCE_RGB8, .width = W, .height = H, .plane = {g_pixels}, .stride = {W * 3}};
    CHECK_EQUAL(dce_enhance(handle, &image, &image), DCE_OK);
    dce_close(handle);
    given.engine.size = sizeof(dce_engine) - 1;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_ERROR_INVALID_ARGUMENT);
    dce_close(handle);
}

int main(void) {
    test_answers();
    test_options();
    test_engine();
    return 0;
}
