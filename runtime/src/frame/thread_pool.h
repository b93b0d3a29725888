// A few threads that belong to one handle. Between calls they wait for a moment, because the next frame often comes at once and
// waking a thread takes as long as a part of a frame, and then sleep.
//
// One word, the ticket, says which job there is and how many of its indices nobody has taken yet. Taking one is a
// compare-and-swap that lowers it. The invariants:
//   1. A ticket with nothing left cannot be taken from, whatever job comes next.
//   2. Task, context and count of a job are written while the ticket has nothing left, before the ticket of the job.
//   3. So a thread that reads the ticket, then task, context and count, and then takes an index from that very ticket, has
//      those of its job: had another job begun in between, the ticket would be another.
//   4. run() returns when all indices that were taken are done, and nothing is left then: no thread touches the job afterwards.
// The number of the job has 40 bits: a ticket comes again after 10^12 jobs, and a thread would have to stand still for all of
// them.
#ifndef DCELITE_FRAME_THREAD_POOL_H
#define DCELITE_FRAME_THREAD_POOL_H

#include <stdint.h>

#include "platform.h"

namespace dce {

class ThreadPool {
public:
    ThreadPool() = default;
    ThreadPool(const ThreadPool &) = delete;
    ThreadPool &operator=(const ThreadPool &) = delete;
    ~ThreadPool();

    // Starts threads - 1 threads; the caller of run is the last one. Where the system grants fewer, the pool has fewer.
    void start(int threads);

    // With how many start was granted. A forked child has none of them; its first run starts its own.
    int threads() const { return threads_; }

    // Of the process that asks, see platform.h.
    uint32_t generation() { return generations_.now(); }

    // Calls task(context, index) once for each index in 0 … count - 1, in parallel, and returns when all are done. One call at
    // a time; `count` is at most kMaxCount.
    static constexpr int kMaxCount = (1 << 24) - 1;
    void run(void (*task)(void *context, int index), void *context, int count);

private:
    using Task = void (*)(void *, int);

    static DCE_THREAD worker(void *pool);
    void start_workers(int count);
    void forget_workers();
    void work(uint64_t ticket);
    bool has_job_after(uint64_t job) const;
    void finish_index();

    Mutex mutex_ = DCE_MUTEX;
    Condition wake_ = DCE_CONDITION;
    Condition done_ = DCE_CONDITION;
    Thread handles_[kMaxThreads];
    int threads_ = 1;
    int workers_ = 0;                              // that run in this process
    Generation generations_;
    uint32_t generation_ = generations_.now();     // of the process that they run in

    // All of these are read and written atomically. A ticket is the number of the job, and what is left of it in the lower
    // kLeftBits.
    static constexpr int kLeftBits = 24;
    uint64_t ticket_ = 0;
    Task task_ = nullptr;
    void *context_ = nullptr;
    uint32_t count_ = 0;
    uint32_t unfinished_ = 0;
    bool stop_ = false;
};

}  // namespace dce

#endif
