/* uneven - what threads on processors of unlike speed make of a frame, and what they could.
 *
 *     uneven [FRAMES]          # Linux, two processors at least
 *
 * A thread of its own takes a part of the second processor, in turns of a tenth of a millisecond, so that a thread of the library there
 * is as slow as on a small core. With t and T the times of a frame by one thread on the first and on the second processor, two threads
 * that divide it as they should take 1 / (1 / t + 1 / T); bands of equal height take max(t, T) / 2. Medians, in turn.
 */
#define _GNU_SOURCE
#include <dcelite.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "roofline.h"

enum { kWidth = 4000, kHeight = 3000, kMost = 1000 };

static double now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec;
}

static void stay_on(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) perror("uneven: sched_setaffinity"), exit(2);
}

static void *hinder(void *unused) {
    (void)unused;
    stay_on(1);
    for (;;) {
        const struct timespec rest = {0, 100000};
        const double end = now_ms() + 0.1;
        while (now_ms() < end) {
        }
        nanosleep(&rest, NULL);
    }
    return NULL;
}

static int ascending(const void *a, const void *b) {
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

int main(int count, char **arguments) {
    const int frames = count > 1 ? atoi(arguments[1]) : 40;
    const size_t bytes = 3 * (size_t)kWidth * kHeight;
    uint8_t *scene = malloc(bytes), *result = malloc(bytes);
    static double times[3][kMost]; /* of both threads, of the first processor, of the second one */
    dce_enhancer *handles[3];
    pthread_t thread;
    if (frames < 1 || frames > kMost) return fprintf(stderr, "uneven: %d frames, 1 to %d were wanted\n", frames, kMost), 2;
    if (!scene || !result || pthread_create(&thread, NULL, hinder, NULL) != 0) return fputs("uneven: no memory\n", stderr), 2;
    dce_bench_scene(scene, kWidth, kHeight);
    for (int i = 0; i < 3; ++i) {
        dce_options options;
        dce_options_init(&options);
        options.threads = i == 0 ? 2 : 1;
        stay_on(1); /* where the library's own thread stays */
        if (dce_open(&options, &handles[i]) != DCE_OK) return fprintf(stderr, "uneven: %s\n", dce_error_message(handles[i])), 2;
    }
    const dce_image from = {
        .format = DCE_RGB8, .width = kWidth, .height = kHeight, .plane = {scene}, .stride = {3 * kWidth}};
    dce_image to = from;
    to.plane[0] = result;
    for (int frame = -2; frame < frames; ++frame)
        for (int i = 0; i < 3; ++i) {
            stay_on(i == 2);
            const double begin = now_ms();
            if (dce_enhance(handles[i], &from, &to) != DCE_OK) return fprintf(stderr, "uneven: %s\n", dce_error_message(handles[i])), 2;
            if (frame >= 0) times[i][frame] = now_ms() - begin;
        }
    double medians[3];
    for (int i = 0; i < 3; ++i) {
        qsort(times[i], (size_t)frames, sizeof *times[i], ascending);
        medians[i] = times[i][frames / 2];
    }
    const double ideal = 1.0 / (1.0 / medians[1] + 1.0 / medians[2]);
    const double equal = 0.5 * (medians[1] > medians[2] ? medians[1] : medians[2]);
    printf("one thread %.2f ms, on the slower processor %.2f ms; both %.2f ms: %.2f of the ideal share, equal bands %.2f of it\n",
           medians[1], medians[2], medians[0], medians[0] / ideal, equal / ideal);
    return 0;
}
