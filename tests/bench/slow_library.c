/* The core library, made slower: stands before it, and spends SLOWER_BY per cent of the time of each dce_enhance once more.
 * Link it against the core library; every other function is found there. */
#define _GNU_SOURCE
#include <dcelite.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

__attribute__((visibility("default"))) dce_status dce_enhance(dce_enhancer *handle, const dce_image *source,
                                                             const dce_image *destination) {
    static dce_status (*original)(dce_enhancer *, const dce_image *, const dce_image *);
    const double begin = now();
    dce_status status;
    double end;
    if (!original) *(void **)&original = dlsym(RTLD_NEXT, "dce_enhance");
    status = original(handle, source, destination);
    end = now();
    end += (end - begin) * SLOWER_BY / 100.0;
    while (now() < end) continue;
    return status;
}
