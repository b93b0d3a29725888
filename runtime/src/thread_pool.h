// A few threads that belong to one handle. Between calls they wait for a moment, because the next frame often comes at once and
// waking a thread takes as long as a part of a frame, and then sleep.
#ifndef DCELITE_THREAD_POOL_H
#define DCELITE_THREAD_POOL_H

#include <pthread.h>
#include <stdint.h>

namespace dce {

constexpr int kMaxThreads = 64;

// Processors that the calling process may use, 1 … kMaxThreads.
int available_processors();

class ThreadPool {
public:
    ThreadPool() = default;
    ThreadPool(const ThreadPool &) = delete;
    ThreadPool &operator=(const ThreadPool &) = delete;
    ~ThreadPool();

    // Starts threads - 1 threads; the caller of run is the last one. Where the system grants fewer, the pool has fewer.
    void start(int threads);

    int threads() const { return workers_ + 1; }

    // Calls task(context, index) once for each index in 0 … count - 1, in parallel, and returns when all are done.
    void run(void (*task)(void *context, int index), void *context, int count);

private:
    using Task = void (*)(void *, int);

    static void *worker(void *pool);
    void work(uint64_t ticket);
    bool has_job_after(uint32_t job) const;
    void finish_task();

    pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t wake_ = PTHREAD_COND_INITIALIZER;
    pthread_cond_t done_ = PTHREAD_COND_INITIALIZER;
    pthread_t handles_[kMaxThreads];
    int workers_ = 0;

    // All of these are read and written atomically. A ticket is the number of the job in its upper half and the index that is
    // handed out next in its lower half: whoever takes an index by raising the ticket knows that the job is still the one whose
    // task it has read.
    uint64_t ticket_ = 0;
    Task task_ = nullptr;
    void *context_ = nullptr;
    uint32_t count_ = 0;
    uint32_t unfinished_ = 0;
    bool stop_ = false;
};

}  // namespace dce

#endif
