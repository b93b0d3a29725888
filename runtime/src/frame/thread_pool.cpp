#include "frame/thread_pool.h"

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

void ThreadPool::start_workers(int count) {
    while (workers_ < count && start_thread(&handles_[workers_], worker, this)) ++workers_;
}

// In a forked child. What the parent's threads held and waited for is in no defined state, and begins anew.
void ThreadPool::forget_workers() {
    mutex_ = DCE_MUTEX;
    wake_ = DCE_CONDITION;
    done_ = DCE_CONDITION;
    workers_ = 0;
    ticket_ = 0;
    unfinished_ = 0;
    generation_ = generations_.now();
}

ThreadPool::~ThreadPool() {
    if (generation_ != generations_.now()) return;  // nobody to end, and no condition that could be destroyed
    lock(&mutex_);
    put(stop_, true);
    wake_all(&wake_);
    unlock(&mutex_);
    for (int i = 0; i < workers_; ++i) join(handles_[i]);
    destroy(&done_);
    destroy(&wake_);
    destroy(&mutex_);
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
    lock(&mutex_);
    wake_one(&done_);
    unlock(&mutex_);
}

DCE_THREAD ThreadPool::worker(void *pool) {
    ThreadPool &self = *static_cast<ThreadPool *>(pool);
    uint64_t job = 0;  // the last one that this thread has worked on
    for (;;) {
        if (!spin_until([&] { return self.has_job_after(job); })) {
            lock(&self.mutex_);
            while (!self.has_job_after(job)) wait(&self.wake_, &self.mutex_);
            unlock(&self.mutex_);
        }
        if (get(self.stop_)) return 0;
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
    lock(&mutex_);
    put(task_, task);
    put(context_, context);
    put(count_, static_cast<uint32_t>(count));
    put(unfinished_, static_cast<uint32_t>(count));
    DCELITE_RACE();
    put(ticket_, ticket);
    wake_all(&wake_);
    unlock(&mutex_);
    work(ticket);
    const auto all_done = [this] { return get(unfinished_) == 0; };
    if (spin_until(all_done)) return;
    lock(&mutex_);
    while (!all_done()) wait(&done_, &mutex_);
    unlock(&mutex_);
}

}  // namespace dce
