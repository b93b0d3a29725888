#include "thread_pool.h"

#if defined(__linux__)
#  include <sched.h>
#endif
#include <unistd.h>

namespace dce {

int available_processors() {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) count = CPU_COUNT(&allowed);
#endif
    return count < 1 ? 1 : count > kMaxThreads ? kMaxThreads : static_cast<int>(count);
}

void ThreadPool::start(int threads) {
    for (; workers_ < threads - 1; ++workers_)
        if (pthread_create(&handles_[workers_], nullptr, worker, this) != 0) return;
}

ThreadPool::~ThreadPool() {
    pthread_mutex_lock(&mutex_);
    stop_ = true;
    pthread_cond_broadcast(&wake_);
    pthread_mutex_unlock(&mutex_);
    for (int i = 0; i < workers_; ++i) pthread_join(handles_[i], nullptr);
    pthread_cond_destroy(&done_);
    pthread_cond_destroy(&wake_);
    pthread_mutex_destroy(&mutex_);
}

// Takes indices of the current job until none is left. The mutex is held on entry and on return.
void ThreadPool::work() {
    while (next_ < count_) {
        const int index = next_++;
        ++running_;
        pthread_mutex_unlock(&mutex_);
        task_(context_, index);
        pthread_mutex_lock(&mutex_);
        if (--running_ == 0 && next_ == count_) pthread_cond_signal(&done_);
    }
}

void *ThreadPool::worker(void *pool) {
    ThreadPool &self = *static_cast<ThreadPool *>(pool);
    pthread_mutex_lock(&self.mutex_);
    while (!self.stop_) {
        self.work();
        if (!self.stop_) pthread_cond_wait(&self.wake_, &self.mutex_);
    }
    pthread_mutex_unlock(&self.mutex_);
    return nullptr;
}

void ThreadPool::run(void (*task)(void *context, int index), void *context, int count) {
    pthread_mutex_lock(&mutex_);
    task_ = task;
    context_ = context;
    next_ = 0;
    count_ = count;
    if (count > 1) pthread_cond_broadcast(&wake_);
    work();
    while (running_ > 0) pthread_cond_wait(&done_, &mutex_);
    pthread_mutex_unlock(&mutex_);
}

}  // namespace dce
