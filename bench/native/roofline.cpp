// Multiply-add and copy rates of a core. No part of the C++ standard library that is more than a header is used.
#include "roofline.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__linux__)
#  include <unistd.h>
#endif
#if defined(__x86_64__)
#  include <immintrin.h>
#elif defined(__aarch64__)
#  include <arm_neon.h>
#endif

#include "model.h"

namespace {

double now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// A burst takes some tens of microseconds: longer than the clock is coarse, shorter than a time slice.
constexpr int kRounds = 20000;

// Independent sums, so that a multiply-add need not wait for the one before it: at least the latency (4 or 5 cycles) times
// the number of units (2 on x86-64, up to 4 on Arm). 12 fit into 16 registers beside the factors; compilers do not always
// use the upper 16 of AVX-512 where these would do.
constexpr int kSums = 12;

// Each x <- x * factor + term tends to 1: neither overflow nor denormals slow it down. The sums start from different values,
// which the compiler does not know: it would compute equal ones once.
volatile float factor = 0.75f, term = 0.25f, sink;

float start_of(int j) { return term + static_cast<float>(j); }

struct Instructions {
    const char *name;
    bool (*runs_here)();
    void (*burst)();
    int multiply_adds;  // of a burst
};

typedef float Vector4 __attribute__((vector_size(16)));

void burst_scalar() {
    const Vector4 a = {factor, factor, factor, factor}, b = {term, term, term, term};
    Vector4 sums[kSums];
    for (int j = 0; j < kSums; ++j) sums[j] = b * start_of(j);
    for (int i = 0; i < kRounds; ++i) {
#pragma GCC unroll 16
        for (int j = 0; j < kSums; ++j) sums[j] = sums[j] * a + b;
    }
    for (const Vector4 &sum : sums) sink = sum[0];
}

bool always() { return true; }

#if defined(__x86_64__)

__attribute__((target("avx2,fma"))) void burst_avx2() {
    const __m256 a = _mm256_set1_ps(factor), b = _mm256_set1_ps(term);
    __m256 sums[kSums];
#pragma GCC unroll 16
    for (int j = 0; j < kSums; ++j) sums[j] = _mm256_set1_ps(start_of(j));
    for (int i = 0; i < kRounds; ++i) {
#pragma GCC unroll 16
        for (int j = 0; j < kSums; ++j) sums[j] = _mm256_fmadd_ps(sums[j], a, b);
    }
#pragma GCC unroll 16
    for (int j = 0; j < kSums; ++j) sink = _mm256_cvtss_f32(sums[j]);
}

__attribute__((target("avx512f"))) void burst_avx512() {
    const __m512 a = _mm512_set1_ps(factor), b = _mm512_set1_ps(term);
    __m512 sums[kSums];
#pragma GCC unroll 16
    for (int j = 0; j < kSums; ++j) sums[j] = _mm512_set1_ps(start_of(j));
    for (int i = 0; i < kRounds; ++i) {
#pragma GCC unroll 16
        for (int j = 0; j < kSums; ++j) sums[j] = _mm512_fmadd_ps(sums[j], a, b);
    }
#pragma GCC unroll 16
    for (int j = 0; j < kSums; ++j) sink = _mm512_cvtss_f32(sums[j]);
}

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() { return __builtin_cpu_supports("avx512f"); }

#elif defined(__aarch64__)

constexpr int kSumsOfManyRegisters = 20;  // of 32 registers

void burst_neon() {
    const float32x4_t a = vdupq_n_f32(factor), b = vdupq_n_f32(term);
    float32x4_t sums[kSumsOfManyRegisters];
#pragma GCC unroll 32
    for (int j = 0; j < kSumsOfManyRegisters; ++j) sums[j] = vdupq_n_f32(start_of(j));
    for (int i = 0; i < kRounds; ++i) {
        // Here the sum is the addend, not a factor: it grows by a b, slowly.
#pragma GCC unroll 32
        for (int j = 0; j < kSumsOfManyRegisters; ++j) sums[j] = vfmaq_f32(sums[j], a, b);
    }
#pragma GCC unroll 32
    for (int j = 0; j < kSumsOfManyRegisters; ++j) sink = vgetq_lane_f32(sums[j], 0);
}

#endif

const Instructions kInstructions[] = {
    {"scalar", always, burst_scalar, 4 * kSums * kRounds},
#if defined(__x86_64__)
    {"avx2", has_avx2, burst_avx2, 8 * kSums * kRounds},
    {"avx512", has_avx512, burst_avx512, 16 * kSums * kRounds},
#elif defined(__aarch64__)
    {"neon", always, burst_neon, 4 * kSumsOfManyRegisters * kRounds},
#endif
};

// The shortest time of `run` within `seconds`.
template <typename Run>
double shortest(double seconds, Run run) {
    const double end = now() + seconds;
    double best = 1e30;
    for (double start = now(); best == 1e30 || start < end;) {
        run();
        const double stop = now();
        if (stop - start < best) best = stop - start;
        start = stop;
    }
    return best;
}

}  // namespace

extern "C" {

double dce_bench_multiply_adds(const char *isa, double seconds) {
    for (const Instructions &instructions : kInstructions)
        if (strcmp(isa, instructions.name) == 0 && instructions.runs_here())
            return instructions.multiply_adds / shortest(seconds, instructions.burst);
    return -1.0;
}

double dce_bench_copied_bytes(size_t bytes, double seconds) {
    char *source = static_cast<char *>(malloc(bytes)), *target = static_cast<char *>(malloc(bytes));
    double rate = -1.0;
    if (source && target) {
        memset(source, 1, bytes);
        memset(target, 2, bytes);
        rate = 2.0 * static_cast<double>(bytes) / shortest(seconds, [=] {
                   memcpy(target, source, bytes);
                   __asm__ volatile("" : : "r"(target) : "memory");  // the copy is wanted though nobody reads it
               });
    }
    free(source);
    free(target);
    return rate;
}

int32_t dce_bench_is_emulated(void) {
#if defined(__linux__)
    // The emulator answers for /proc/self/exe with the program, but not for the same file by way of the thread.
    char path[256];
    const ssize_t length = readlink("/proc/thread-self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = '\0';
        const char *name = strrchr(path, '/');
        return strncmp(name ? name + 1 : path, "qemu-", 5) == 0;
    }
#endif
    return 0;
}

const uint8_t *dce_bench_default_model(size_t *size) {
    *size = dce::kDefaultModelSize;
    return dce::kDefaultModel;
}

}  // extern "C"
