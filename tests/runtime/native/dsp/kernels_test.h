// What the tests of kernels have in common. Each compares the kernels of a set with the scalar ones, or with a definition in
// double precision, and times them on the way: see kernels_test.cpp.
#ifndef DCELITE_TESTS_KERNELS_TEST_H
#define DCELITE_TESTS_KERNELS_TEST_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "dsp/dsp.h"
#include "dsp/instruction_set.h"
#include "platform.h"

void test_convolution(const dce::Dsp &dsp);
void test_convolution_int8(const dce::Dsp &dsp);
void test_convolution_fixed(const dce::Dsp &dsp);
void test_curve_bytes(const dce::Dsp &dsp);
void test_curve_fixed(const dce::Dsp &dsp);
void test_curve_floats(const dce::Dsp &dsp);
void test_denoise(const dce::Dsp &dsp);

// The specification.
inline const dce::Dsp &scalar_dsp() { return *dce::all_dsp().last; }

constexpr int kWidths = 200;

// Memory whose last byte is the last of a page, before one that cannot be touched.
class Guarded {
public:
    explicit Guarded(size_t capacity) {
        const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        room_ = (capacity + page - 1) / page * page;
        start_ = static_cast<uint8_t *>(
            mmap(nullptr, room_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        CHECK(start_ != MAP_FAILED);
        CHECK_EQUAL(mprotect(start_ + room_, page, PROT_NONE), 0);
    }
    Guarded(const Guarded &) = delete;
    Guarded &operator=(const Guarded &) = delete;

    // The last `count` values before the guard.
    template <typename T>
    T *last(size_t count) {
        // QEMU 7.2 reads 16 bytes for a scalar multiply-add from memory, where a processor reads 4.
        const size_t size = count * sizeof(T) + (is_emulated() ? 16 : 0);
        CHECK(size <= room_);
        return reinterpret_cast<T *>(start_ + room_ - size);
    }

private:
    uint8_t *start_;
    size_t room_;
};

extern unsigned g_random;  // the state of the generator

inline uint8_t random_byte() { return static_cast<uint8_t>(random_u32(&g_random) >> 24); }

inline float random_float(float from, float to) {
    return from + (to - from) * (static_cast<float>(random_u32(&g_random) >> 8) / 16777216.0f);
}

inline void check_close(const float *seen, const float *wanted, size_t count, float tolerance, const char *what, int width) {
    for (size_t i = 0; i < count; ++i)
        if (!(fabsf(seen[i] - wanted[i]) <= tolerance * (1.0f + fabsf(wanted[i])))) {
            fprintf(stderr, "%s, width %d: value %zu is %.9g, %.9g was wanted\n", what, width, i,
                    static_cast<double>(seen[i]), static_cast<double>(wanted[i]));
            exit(1);
        }
}

extern bool g_is_timed;
void note_time(const char *kernel, double nanoseconds);

// With --bench: the least time of a call, for each of its pixels.
template <typename Call>
void time_kernel(const char *kernel, int pixels, Call call) {
    if (!g_is_timed) return;
    constexpr int64_t kTime = 20000000;  // nanoseconds
    int64_t least = INT64_MAX;
    for (const int64_t end = dce::now_ns() + kTime; dce::now_ns() < end;) {
        constexpr int kCalls = 8;  // the clock is coarse
        const int64_t begin = dce::now_ns();
        for (int i = 0; i < kCalls; ++i) call();
        const int64_t time = (dce::now_ns() - begin) / kCalls;
        if (time < least) least = time;
    }
    note_time(kernel, static_cast<double>(least) / pixels);
}

#endif
