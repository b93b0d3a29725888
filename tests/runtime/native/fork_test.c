/* Children of a process that has handles with threads: they use, close and open, whatever the parent was doing. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "dcelite.h"

enum { W = 200, H = 480, SIZE = W * H * 3, SECONDS = 60 };
static uint8_t g_pixels[SIZE], g_wanted[SIZE];

static dce_image image_of(uint8_t *pixels) {
    dce_image image = {.format = DCE_RGB8, .width = W, .height = H, .plane = {pixels}, .stride = {W * 3}};
    return image;
}

static dce_enhancer *open_with(int threads, const dce_engine *engine) {
    dce_options options;
    dce_enhancer *handle;
    dce_options_init(&options);
    options.threads = threads;
    options.engine = engine;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_OK);
    return handle;
}

static void enhance(dce_enhancer *handle) {
    static uint8_t result[SIZE];
    dce_image source = image_of(g_pixels), destination = image_of(result);
    memset(result, 0, SIZE);
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
    CHECK(memcmp(result, g_wanted, SIZE) == 0);
}

static void use(dce_enhancer *handle) {
    for (int i = 0; i < 3; ++i) enhance(handle);
}
static void close_only(dce_enhancer *handle) { dce_close(handle); }
static void use_and_close(dce_enhancer *handle) {
    use(handle);
    dce_close(handle);
}
static void close_and_open(dce_enhancer *handle) {
    dce_close(handle);
    use_and_close(open_with(3, NULL));
}
static void do_nothing(dce_enhancer *handle) { (void)handle; }

/* Runs `action` in a child, which must end within SECONDS, without an error. */
static void in_child(void (*action)(dce_enhancer *), dce_enhancer *handle) {
    int status;
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(SECONDS);
        action(handle);
        _exit(0); /* no leaks are looked for in what the parent still holds */
    }
    CHECK_EQUAL(waitpid(child, &status, 0), child);
    CHECK_EQUAL(status, 0);
}

static void fork_again(dce_enhancer *handle) {
    use(handle);
    in_child(use_and_close, handle);
    in_child(close_and_open, handle);
    use_and_close(handle);
}

static void (*const kActions[])(dce_enhancer *) = {do_nothing,    use,            close_only,
                                                   use_and_close, close_and_open, fork_again};
enum { ACTIONS = sizeof kActions / sizeof *kActions };

static void test_idle_handle(int threads) {
    dce_enhancer *handle = open_with(threads, NULL);
    for (int used = 0; used < 2; ++used) {
        for (int i = 0; i < ACTIONS; ++i) in_child(kActions[i], handle);
        enhance(handle);
    }
    dce_close(handle);
}

/* Forks while another thread is somewhere within its calls. */
static int g_stop;

static void *use_until_stopped(void *handle) {
    static uint8_t result[SIZE];
    dce_image source = image_of(g_pixels), destination = image_of(result);
    while (!__atomic_load_n(&g_stop, __ATOMIC_ACQUIRE)) CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
    return NULL;
}

static void test_handle_in_use(int forks) {
    dce_enhancer *handle = open_with(3, NULL);
    pthread_t thread;
#ifdef __SANITIZE_ADDRESS__
    /* The first frame alone allocates. Locks of the sanitizer's allocator, unlike the C library's, stay held in a child. */
    enhance(handle);
#endif
    CHECK_EQUAL(pthread_create(&thread, NULL, use_until_stopped, handle), 0);
    for (int i = 0; i < forks; ++i) {
        usleep(1 + i * 37 % 1000);
        in_child(kActions[i % ACTIONS], handle);
    }
    __atomic_store_n(&g_stop, 1, __ATOMIC_RELEASE);
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
    use_and_close(handle);
}

/* An engine that forks: both processes go on with the same call. */
static pid_t g_child;

static int fork_and_go_on(void *context, const float *image, int32_t height, int32_t width, float *map, char *message,
                          size_t message_size) {
    (void)context, (void)image, (void)message, (void)message_size;
    memset(map, 0, sizeof(float) * 3 * (size_t)height * (size_t)width);
    g_child = fork();
    if (g_child == 0) alarm(SECONDS);
    return g_child < 0;
}

static void test_fork_within_a_call(void) {
    static uint8_t result[SIZE];
    const dce_engine engine = {sizeof engine, NULL, 3, 12, fork_and_go_on, NULL};
    dce_enhancer *handle = open_with(4, &engine);
    dce_image source = image_of(g_pixels), destination = image_of(result);
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
    CHECK(memcmp(result, g_pixels, SIZE) == 0);
    dce_close(handle);
    if (g_child == 0) _exit(0);
    int status;
    CHECK_EQUAL(waitpid(g_child, &status, 0), g_child);
    CHECK_EQUAL(status, 0);
}

int main(int argc, char **argv) {
    unsigned state = 42;
    for (int i = 0; i < SIZE; ++i) g_pixels[i] = (uint8_t)(random_u32(&state) >> 24);
    dce_enhancer *single = open_with(1, NULL);
    dce_image source = image_of(g_pixels), wanted = image_of(g_wanted);
    CHECK_EQUAL(dce_enhance(single, &source, &wanted), DCE_OK);
    dce_close(single);
    test_idle_handle(1);
    test_idle_handle(4);
    test_handle_in_use(argc > 1 ? atoi(argv[1]) : 60);
    test_fork_within_a_call();
    return 0;
}
