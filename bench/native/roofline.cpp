// Multiply-add and copy rates of a core. No part of the C++ standard library that is more than a header is used.
#include "roofline.h"

#include <stdlib.h>
#include <string.h>
#if defined(__aarch64__)
#  include <arm_neon.h>
#endif
#if defined(__linux__)
#  include <unistd.h>
#endif

#include "dsp/dsp.h"
#include "platform.h"

namespace {

double now() { return 1e-9 * static_cast<double>(dce::now_ns()); }

// Rounds of a burst, which then takes some tens of microseconds: longer than the clock is coarse, shorter than a time slice.
constexpr int kRounds = 20000;

typedef float Vector4 __attribute__((vector_size(16)));
typedef float Vector8 __attribute__((vector_size(32)));
typedef float Vector16 __attribute__((vector_size(64)));

// One multiply-add for each lane. Each sum tends to 1: neither overflow nor denormals slow it down.
template <typename Vector>
inline __attribute__((always_inline)) void step(Vector &sum, const Vector &a, const Vector &b) {
    sum = sum * a + b;
}

#if defined(__aarch64__)
// Here the sum is the addend of the instruction, not a factor: it grows by a b, slowly.
inline __attribute__((always_inline)) void step(Vector4 &sum, const Vector4 &a, const Vector4 &b) {
    sum = vfmaq_f32(sum, a, b);
}
#endif

// Multiply-adds in registers: rounds x sums x lanes of them. The sums are independent, so that one need not wait for the one
// before it: their number is at least the latency (4 or 5 cycles) times the number of units (2 on x86-64, up to 4 on Arm).
// They start from different values, which the compiler does not know: it would compute equal ones once.
volatile float factor = 0.75f, term = 0.25f, sink;

template <typename Vector, int sums>
inline __attribute__((always_inline)) void multiply_add(int rounds) {
    Vector a = {}, b = {}, sum[sums];
    a += factor;
    b += term;
#pragma GCC unroll 32
    for (int j = 0; j < sums; ++j) sum[j] = b * (term + static_cast<float>(j));
    for (int i = 0; i < rounds; ++i) {
#pragma GCC unroll 32
        for (int j = 0; j < sums; ++j) step(sum[j], a, b);
    }
#pragma GCC unroll 32
    for (int j = 0; j < sums; ++j) sink = sum[j][0];
}

// For 16 registers, beside the factors. (Compilers do not always use the upper 16 of AVX-512 where these would do.)
constexpr int kSums = 12;

void scalar(int rounds) { multiply_add<Vector4, kSums>(rounds); }
bool always() { return true; }

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void avx2(int rounds) { multiply_add<Vector8, kSums>(rounds); }
__attribute__((target("avx512f"))) void avx512(int rounds) { multiply_add<Vector16, kSums>(rounds); }
bool has_avx2() { return dce::cpu_features() & dce::kAvx2; }
bool has_avx512() { return dce::cpu_features() & dce::kAvx512; }
#elif defined(__aarch64__)
constexpr int kSumsOfManyRegisters = 20;  // of 32

void neon(int rounds) { multiply_add<Vector4, kSumsOfManyRegisters>(rounds); }
#endif

struct Instructions {
    const char *name;
    bool (*runs_here)();
    void (*multiply_add)(int rounds);
    int of_a_round;  // multiply-adds
};

const Instructions kInstructions[] = {
    {"scalar", always, scalar, 4 * kSums},
#if defined(__x86_64__)
    {"avx2", has_avx2, avx2, 8 * kSums},
    {"avxvnni", has_avx2, avx2, 8 * kSums},
    {"avx512", has_avx512, avx512, 16 * kSums},
#elif defined(__aarch64__)
    {"neon", always, neon, 4 * kSumsOfManyRegisters},
#endif
};

// Those with the longest name that `isa` begins with: avx512vnni has the floats of avx512.
const Instructions *instructions_of(const char *isa) {
    const Instructions *found = nullptr;
    for (const Instructions &instructions : kInstructions) {
        const size_t length = strlen(instructions.name);
        if (strncmp(isa, instructions.name, length) == 0 && (!found || length > strlen(found->name))) found = &instructions;
    }
    return found && found->runs_here() ? found : nullptr;
}

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

void copy(char *target, const char *source, size_t bytes) {
    memcpy(target, source, bytes);
    __asm__ volatile("" : : "r"(target) : "memory");  // the copy is wanted though nobody reads it
}

// The probe: as in a frame, threads share rows of pixels, which are read and written, and do the arithmetic of the curve,
// 17 multiply-adds for a value; a pass ends when the slowest is done.
constexpr int kMostThreads = 64;
constexpr double kProbeSeconds = 0.004;
constexpr size_t kRow = 4096, kHalf = 3 << 20;
alignas(kRow) char probe_memory[2 * kHalf];

struct Probe {
    const Instructions *instructions;
    int threads;
    int helpers;     // atomic, as the next two: the threads that were started, without the one that measures
    int pass, done;  // the pass that is under way, -1 after the last; the helpers that have finished their part of it
};

void run_part(const Probe &probe, int number) {
    const int rounds = static_cast<int>(17 * kRow) / probe.instructions->of_a_round;
    for (size_t at = number * kRow; at < kHalf; at += probe.threads * kRow) {
        copy(probe_memory + kHalf + at, probe_memory + at, kRow);
        probe.instructions->multiply_add(rounds);
    }
}

// Waits for `value` to become other than `old`; others get the processor where it takes long.
int wait_while(int *value, int old) {
    for (int i = 0;; ++i) {
        const int now = __atomic_load_n(value, __ATOMIC_ACQUIRE);
        if (now != old) return now;
        if (i > 2000) dce::yield();
    }
}

DCE_THREAD help(void *argument) {
    Probe &probe = *static_cast<Probe *>(argument);
    const int number = __atomic_add_fetch(&probe.helpers, 1, __ATOMIC_RELAXED);
    for (int pass = 0; (pass = wait_while(&probe.pass, pass)) >= 0;) {
        run_part(probe, number);
        __atomic_fetch_add(&probe.done, 1, __ATOMIC_RELEASE);
    }
    return 0;
}

void run_pass(Probe &probe) {
    __atomic_store_n(&probe.done, 0, __ATOMIC_RELAXED);
    __atomic_fetch_add(&probe.pass, 1, __ATOMIC_RELEASE);
    run_part(probe, 0);
    for (int done = 0; done < probe.threads - 1;) done = wait_while(&probe.done, done);
}

}  // namespace

extern "C" {

double dce_bench_multiply_adds(const char *isa, double seconds) {
    const Instructions *instructions = instructions_of(isa);
    if (!instructions) return -1.0;
    return 1.0 * instructions->of_a_round * kRounds / shortest(seconds, [=] { instructions->multiply_add(kRounds); });
}

double dce_bench_probe(const char *isa, int32_t threads) {
    Probe probe = {instructions_of(isa), threads, 0, 0, 0};
    dce::Thread helpers[kMostThreads];
    double time = -1.0;
    int started = 1;
    if (!probe.instructions || threads < 1 || threads > kMostThreads) return -1.0;
    if (!probe_memory[0]) memset(probe_memory, 1, sizeof probe_memory);  // so that it is there
    while (started < threads && dce::start_thread(&helpers[started], help, &probe)) ++started;
    if (started == threads) time = shortest(kProbeSeconds, [&] { run_pass(probe); });
    __atomic_store_n(&probe.pass, -1, __ATOMIC_RELEASE);
    for (int i = 1; i < started; ++i) dce::join(helpers[i]);
    return time;
}

double dce_bench_copied_bytes(double seconds) {
    constexpr size_t bytes = 64 << 20;
    char *source = static_cast<char *>(malloc(bytes)), *target = static_cast<char *>(malloc(bytes));
    double rate = -1.0;
    if (source && target) {
        memset(source, 1, bytes);
        memset(target, 2, bytes);
        rate = 2.0 * static_cast<double>(bytes) / shortest(seconds, [=] { copy(target, source, bytes); });
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
    if (length < 0) return 0;
    path[length] = '\0';
    const char *name = strrchr(path, '/');
    return strncmp(name ? name + 1 : path, "qemu-", 5) == 0;
#else
    return 0;
#endif
}

}  // extern "C"
