#include "frame/thread_pool.h"

#include <signal.h>

// Tests put delays where threads can overtake each other.
#ifndef DCELITE_RACE
#  define DCELITE_RACE()
#endif

namespace dce {
namespace {

constexpr int64_t kSpinNanoseconds = 100000;  // how long to wait awake: longer than waking a thread takes

template <typename T>
T get(const T &value) {
    return __atomic_load_n(&value, __ATOMIC_ACQUIRE);
}

template <typename T>
void put(T &value, T next) {
    __atomic_store_n(&value, next, __ATOMIC_RELEASE);
}

// Waits awake until condition() or for kSpinNanoseconds; returns what the condition was last.
template <typename Condition>
bool spin_until(Condition condition) {
    const int64_t end = now_ns() + kSpinNanoseconds;
    do {
        for (int i = 0; i < 50; ++i) {
            if (condition()) return true;
            pause();
        }
    } while (now_ns() < end);
    return condition();
}

}  // namespace

void ThreadPool::start(int threads) {
    start_workers(threads - 1);
    threads_ = workers_ + 1;
}

// The workers take no signals: those belong to the program's own threads.
void ThreadPool::start_workers(int count) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (workers_ < count && pthread_create(&handles_[workers_], nullptr, worker, this) == 0) ++workers_;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// In a forked child. What the parent's threads held and waited for is in no defined state, and begins anew.
void ThreadPool::forget_workers() {
    mutex_ = PTHREAD_MUTEX_INITIALIZER;
    wake_ = PTHREAD_COND_INITIALIZER;
    done_ = PTHREAD_COND_INITIALIZER;
    workers_ = 0;
    ticket_ = 0;
    unfinished_ = 0;
    generation_ = generations_.now();
}

ThreadPool::~ThreadPool() {
    if (generation_ != generations_.now()) return;  // nobody to end, and no condition that could be destroyed
    pthread_mutex_lock(&mutex_);
    put(stop_, true);
    pthread_cond_broadcast(&wake_);
    pthread_mutex_unlock(&mutex_);
    for (int i = 0; i < workers_; ++i) pthread_join(handles_[i], nullptr);
    pthread_cond_destroy(&done_);
    pthread_cond_destroy(&wake_);
    pthread_mutex_destroy(&mutex_);
}

bool ThreadPool::has_job_after(uint64_t job) const { return get(ticket_) >> kLeftBits != job || get(stop_); }

// Takes indices of the job of `ticket` until nothing is left.
void ThreadPool::work(uint64_t ticket) {
    constexpr uint64_t kLeft = (uint64_t{1} << kLeftBits) - 1;
    const uint64_t job = ticket >> kLeftBits;
    while (ticket >> kLeftBits == job && (ticket & kLeft) != 0) {
        const Task task = get(task_);
        void *const context = get(context_);
        const uint32_t index = get(count_) - static_cast<uint32_t>(ticket & kLeft);
        DCELITE_RACE();
        // A failure means that another thread was faster; `ticket` is then the present one.
        if (!__atomic_compare_exchange_n(&ticket_, &ticket, ticket - 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) continue;
        DCELITE_RACE();
        task(context, static_cast<int>(index));
        finish_index();
        ticket = get(ticket_);
    }
}

void ThreadPool::finish_index() {
    if (__atomic_sub_fetch(&unfinished_, 1, __ATOMIC_ACQ_REL) != 0) return;
    DCELITE_RACE();
    pthread_mutex_lock(&mutex_);
    pthread_cond_signal(&done_);
    pthread_mutex_unlock(&mutex_);
}

void *ThreadPool::worker(void *pool) {
    ThreadPool &self = *static_cast<ThreadPool *>(pool);
    uint64_t job = 0;  // the last one that this thread has worked on
    for (;;) {
        if (!spin_until([&] { return self.has_job_after(job); })) {
            pthread_mutex_lock(&self.mutex_);
            while (!self.has_job_after(job)) pthread_cond_wait(&self.wake_, &self.mutex_);
            pthread_mutex_unlock(&self.mutex_);
        }
        if (get(self.stop_)) return nullptr;
        const uint64_t ticket = get(self.ticket_);
        job = ticket >> kLeftBits;
        DCELITE_RACE();
        self.work(ticket);
    }
}

void ThreadPool::run(void (*task)(void *context, int index), void *context, int count) {
    if (generation_ != generations_.now()) {
        forget_workers();
        start_workers(threads_ - 1);
    }
    if (count <= 1 || workers_ == 0) {
        for (int i = 0; i < count; ++i) task(context, i);
        return;
    }
    const uint64_t job = (get(ticket_) >> kLeftBits) + 1;
    const uint64_t ticket = job << kLeftBits | static_cast<uint64_t>(count);
    pthread_mutex_lock(&mutex_);
    put(task_, task);
    put(context_, context);
    put(count_, static_cast<uint32_t>(count));
    put(unfinished_, static_cast<uint32_t>(count));
    DCELITE_RACE();
    put(ticket_, ticket);
    pthread_cond_broadcast(&wake_);
    pthread_mutex_unlock(&mutex_);
    work(ticket);
    const auto all_done = [this] { return get(unfinished_) == 0; };
    if (spin_until(all_done)) return;
    pthread_mutex_lock(&mutex_);
    while (!all_done()) pthread_cond_wait(&done_, &mutex_);
    pthread_mutex_unlock(&mutex_);
}

}  // namespace dce
