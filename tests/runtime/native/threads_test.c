/* Threads: the same bits for any number of them, in place too; handles in parallel; one handle used twice at once. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "dcelite.h"

enum { W = 130, H = 331, SIZE = W * H * 3 };
static uint8_t g_pixels[SIZE], g_wanted[SIZE];

static dce_enhancer *open_with(int threads, int scale) {
    dce_options options;
    dce_enhancer *handle;
    dce_options_init(&options);
    options.threads = threads;
    options.scale = scale;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_OK);
    return handle;
}

static dce_image part_of(uint8_t *pixels, int width, int height) {
    dce_image image = {
        .format = DCE_RGB8, .width = width, .height = height, .plane = {pixels}, .stride = {W * 3}};
    return image;
}

static dce_image image_of(uint8_t *pixels) { return part_of(pixels, W, H); }

static void test_any_number_of_threads(int scale, int width, int height, int repetitions) {
    static uint8_t result[SIZE];
    dce_image source = part_of(g_pixels, width, height), wanted = part_of(g_wanted, width, height);
    dce_image destination = part_of(result, width, height);
    memset(result, 0, SIZE);
    memset(g_wanted, 0, SIZE);
    dce_enhancer *single = open_with(1, scale);
    CHECK_EQUAL(dce_enhance(single, &source, &wanted), DCE_OK);
    dce_close(single);
    for (int threads = 2; threads <= 9; ++threads) {
        dce_enhancer *handle = open_with(threads, scale);
        CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
        CHECK(memcmp(result, g_wanted, SIZE) == 0);
        for (int repetition = 0; repetition < repetitions; ++repetition) { /* who comes first differs */
            for (int y = 0; y < height; ++y) memcpy(result + y * W * 3, g_pixels + y * W * 3, (size_t)width * 3);
            CHECK_EQUAL(dce_enhance(handle, &destination, &destination), DCE_OK);
            CHECK(memcmp(result, g_wanted, SIZE) == 0);
        }
        dce_close(handle);
    }
}

static void *enhance_often(void *result) {
    dce_enhancer *handle = open_with(2, 0);
    dce_image source = image_of(g_pixels), destination = image_of(result);
    for (int i = 0; i < 5; ++i) {
        memset(result, 0, SIZE);
        CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
        CHECK(memcmp(result, g_wanted, SIZE) == 0);
    }
    dce_close(handle);
    return NULL;
}

static void test_handles_in_parallel(void) {
    static uint8_t results[4][SIZE];
    pthread_t threads[4];
    for (int i = 0; i < 4; ++i) CHECK_EQUAL(pthread_create(&threads[i], NULL, enhance_often, results[i]), 0);
    for (int i = 0; i < 4; ++i) CHECK_EQUAL(pthread_join(threads[i], NULL), 0);
}

/* An engine that uses its own handle while the handle is busy with it, from another thread. */
static dce_enhancer *g_handle;

static void *use_again(void *status) {
    static uint8_t pixels[SIZE];
    dce_image image = image_of(pixels);
    *(dce_status *)status = dce_enhance(g_handle, &image, &image);
    CHECK(strcmp(dce_error_message(g_handle), dce_status_text(DCE_ERROR_BUSY)) == 0); /* not the other call's */
    return NULL;
}

static int reenter(void *context, const float *image, int32_t height, int32_t width, float *map, char *message,
                   size_t message_size) {
    (void)image, (void)message, (void)message_size;
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, use_again, context), 0);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    memset(map, 0, sizeof(float) * 3 * height * width);
    return 0;
}

static void test_busy(void) {
    static uint8_t result[SIZE];
    dce_status second = DCE_OK;
    dce_engine engine = {sizeof engine, &second, 3, 12, reenter, NULL};
    dce_options options;
    dce_options_init(&options);
    options.engine = &engine;
    CHECK_EQUAL(dce_open(&options, &g_handle), DCE_OK);
    dce_image source = image_of(g_pixels), destination = image_of(result);
    CHECK_EQUAL(dce_enhance(g_handle, &source, &destination), DCE_OK);
    CHECK_EQUAL(second, DCE_ERROR_BUSY);
    CHECK(memcmp(result, g_pixels, SIZE) == 0);
    dce_close(g_handle);
}

/* An engine that closes its own handle: the call ends as it would have, and the engine is destroyed behind it. */
static int g_destroyed;

static void count_destroyed(void *context) {
    (void)context;
    ++g_destroyed;
}

static int close_own_handle(void *context, const float *image, int32_t height, int32_t width, float *map, char *message,
                            size_t message_size) {
    (void)context, (void)image, (void)message, (void)message_size;
    dce_close(g_handle);
    CHECK_EQUAL(g_destroyed, 0);
    memset(map, 0, sizeof(float) * 3 * height * width);
    return 0;
}

static void test_close_at_work(void) {
    static uint8_t result[SIZE];
    dce_engine engine = {sizeof engine, NULL, 3, 12, close_own_handle, count_destroyed};
    dce_options options;
    dce_options_init(&options);
    options.engine = &engine;
    CHECK_EQUAL(dce_open(&options, &g_handle), DCE_OK);
    dce_image source = image_of(g_pixels), destination = image_of(result);
    CHECK_EQUAL(dce_enhance(g_handle, &source, &destination), DCE_OK);
    CHECK(memcmp(result, g_pixels, SIZE) == 0);
    CHECK_EQUAL(g_destroyed, 1);
}

/* One handle, many threads, images whose sizes change from call to call, and with them the number of its bands. */
static void test_changing_sizes(int threads, int calls) {
    enum { SIZES = 6 };
    static const int sizes[SIZES][2] = {{1, 1}, {20, H}, {9, 80}, {W, 24}, {W, 60}, {3, H}};
    static uint8_t wanted[SIZES][SIZE], result[SIZE];
    dce_enhancer *single = open_with(1, 1), *handle = open_with(threads, 1);
    for (int i = 0; i < SIZES; ++i) {
        dce_image source = part_of(g_pixels, sizes[i][0], sizes[i][1]), destination = source;
        destination.plane[0] = wanted[i];
        CHECK_EQUAL(dce_enhance(single, &source, &destination), DCE_OK);
    }
    unsigned state = 3;
    for (int i = 0; i < calls; ++i) {
        const int k = (int)(random_u32(&state) >> 8) % SIZES;
        dce_image source = part_of(g_pixels, sizes[k][0], sizes[k][1]), destination = source;
        destination.plane[0] = result;
        memset(result, 0, SIZE);
        CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
        CHECK(memcmp(result, wanted[k], SIZE) == 0);
    }
    dce_close(handle);
    dce_close(single);
}

/* Texts and names need no handle, and never fail. */
static void test_texts(void) {
    char names[64], few[5] = "....";
    for (int status = DCE_ERROR_BUSY - 2; status <= 2; ++status) CHECK(strlen(dce_status_text((dce_status)status)) > 3);
    const size_t length = dce_list_kernels(names, sizeof names);
    CHECK_EQUAL(length, strlen(names));
    CHECK(strstr(names, "scalar") != NULL);
    CHECK_EQUAL(dce_list_kernels(NULL, 0), length);
    CHECK_EQUAL(dce_list_kernels(few, sizeof few), length);
    CHECK_EQUAL(strlen(few), sizeof few - 1);
    CHECK(strncmp(few, names, sizeof few - 1) == 0);
    dce_enhancer *handle = open_with(1, 0);
    CHECK(strncmp(dce_kernels(handle), names, strlen(dce_kernels(handle))) == 0 || getenv("DCELITE_ISA"));
    dce_close(handle);
    CHECK(strcmp(dce_kernels(NULL), "") == 0);
    CHECK(dce_processors() >= 1 && dce_processors() <= 64);
}

/* threads_test [REPETITIONS] */
int main(int argc, char **argv) {
    unsigned state = 42;
    for (int i = 0; i < SIZE; ++i) g_pixels[i] = (uint8_t)(random_u32(&state) >> 24);
    const int repetitions = argc > 1 ? atoi(argv[1]) : 20;
    test_any_number_of_threads(1, 9, 80, repetitions);
    test_any_number_of_threads(3, 40, H, repetitions);
    test_any_number_of_threads(0, W, H, repetitions); /* the last: the handles in parallel are held against its result */
    test_handles_in_parallel();
    test_busy();
    test_close_at_work();
    for (int threads = 4; threads <= 64; threads *= 4) test_changing_sizes(threads, 3 * repetitions);
    test_texts();
    return 0;
}
