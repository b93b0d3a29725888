// The pool alone, under stress: jobs whose sizes rise and fall, from 1 to 64 threads, with delays where threads can overtake
// each other. Every index must run exactly once, within its own run(), and every run() must return.
//
//     thread_pool_test [JOBS]      # for each number of threads; 5,000 without it
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <initializer_list>

namespace {
bool g_delays = false;
void race();
}  // namespace
#define DCELITE_RACE() race()
#include "frame/thread_pool.cpp"  // with the delays, whatever the library was built with

#include "check.h"

namespace {

constexpr int kMostIndices = 64;
constexpr unsigned kSecondsWithoutProgress = 60;

thread_local unsigned t_state = 0;

unsigned random_number() {
    if (t_state == 0) t_state = static_cast<unsigned>(reinterpret_cast<uintptr_t>(&t_state) >> 4) | 1u;
    return random_u32(&t_state) >> 8;
}

// One time in sixteen: lets others run; one in some thousands: sleeps while jobs come and go.
void race() {
    if (!g_delays) return;
    const unsigned number = random_number();
    if (number % 4096 == 0)
        usleep(50);
    else if (number % 16 == 0)
        sched_yield();
}

struct Job {
    uint32_t runs[kMostIndices];  // written atomically
    bool over;                    // written atomically
};

// What a job leaves behind is found: the memory of the next one is another.
void count_run(void *context, int index) {
    Job &job = *static_cast<Job *>(context);
    CHECK(!__atomic_load_n(&job.over, __ATOMIC_ACQUIRE));
    CHECK(index >= 0 && index < kMostIndices);
    __atomic_add_fetch(&job.runs[index], 1u, __ATOMIC_RELAXED);
    race();
}

void stress(int threads, long jobs, bool delays) {
    static Job all[8];
    g_delays = delays;
    dce::ThreadPool pool;
    pool.start(threads);
    CHECK_EQUAL(pool.threads(), threads);
    unsigned state = 7;
    for (long i = 0; i < jobs; ++i) {
        if (i % 1024 == 0) alarm(kSecondsWithoutProgress);  // a hang ends the test
        const int sizes[] = {2, 8, 1, 64, 3, static_cast<int>(1 + random_u32(&state) % kMostIndices)};
        const int count = sizes[i % 6];
        Job &job = all[i % 8];
        for (uint32_t &runs : job.runs) runs = 0;
        __atomic_store_n(&job.over, false, __ATOMIC_RELEASE);
        pool.run(count_run, &job, count);
        __atomic_store_n(&job.over, true, __ATOMIC_RELEASE);
        for (int k = 0; k < kMostIndices; ++k)
            CHECK_EQUAL(__atomic_load_n(&job.runs[k], __ATOMIC_RELAXED), k < count ? 1u : 0u);
    }
    alarm(0);
}

// A hundred thousand indices, and none.
void test_sizes_of_jobs() {
    static uint32_t runs[100000];
    dce::ThreadPool pool;
    pool.start(4);
    const auto count = [](void *, int index) { __atomic_add_fetch(&runs[index], 1u, __ATOMIC_RELAXED); };
    pool.run(count, nullptr, 0);
    pool.run(count, nullptr, 100000);
    for (const uint32_t number : runs) CHECK_EQUAL(number, 1u);
}

}  // namespace

int main(int argc, char **argv) {
    const long jobs = argc > 1 ? atol(argv[1]) : 5000;
    test_sizes_of_jobs();
    for (const int threads : {1, 2, 3, 4, 8, 16, 64})
        for (const bool delays : {false, true}) {
            stress(threads, jobs, delays);
            printf("%d threads, %s delays: %ld jobs\n", threads, delays ? "with" : "without", jobs);
            fflush(stdout);
        }
    return 0;
}
