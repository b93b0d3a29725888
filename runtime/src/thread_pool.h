// A few threads that belong to one handle and sleep between its calls.
#ifndef DCELITE_THREAD_POOL_H
#define DCELITE_THREAD_POOL_H

#include <pthread.h>

#include "memory.h"

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
    static void *worker(void *pool);
    void work();

    pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t wake_ = PTHREAD_COND_INITIALIZER;
    pthread_cond_t done_ = PTHREAD_COND_INITIALIZER;
    pthread_t handles_[kMaxThreads];
    int workers_ = 0;

    // The current job, under the mutex.
    void (*task_)(void *, int) = nullptr;
    void *context_ = nullptr;
    int next_ = 0;    // the index handed out next
    int count_ = 0;
    int running_ = 0; // tasks that have been handed out and have not ended
    bool stop_ = false;
};

}  // namespace dce

#endif
