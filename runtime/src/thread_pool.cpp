#include "thread_pool.h"

#if defined(__linux__)
#  include <sched.h>
#endif
#include <unistd.h>

#include "stopwatch.h"

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

void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
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

constexpr uint32_t job_of(uint64_t ticket) { return static_cast<uint32_t>(ticket >> 32); }
constexpr uint32_t index_of(uint64_t ticket) { return static_cast<uint32_t>(ticket); }

}  // namespace

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
    put(stop_, true);
    pthread_cond_broadcast(&wake_);
    pthread_mutex_unlock(&mutex_);
    for (int i = 0; i < workers_; ++i) pthread_join(handles_[i], nullptr);
    pthread_cond_destroy(&done_);
    pthread_cond_destroy(&wake_);
    pthread_mutex_destroy(&mutex_);
}

bool ThreadPool::has_job_after(uint32_t job) const { return job_of(get(ticket_)) != job || get(stop_); }

// Takes indices of the job of `ticket` until none is left.
void ThreadPool::work(uint64_t ticket) {
    const uint32_t job = job_of(ticket);
    while (job_of(ticket) == job) {
        const Task task = get(task_);
        void *const context = get(context_);
        if (index_of(ticket) >= get(count_)) return;
        // A failure means that another thread was faster, or that there is a new job; `ticket` is then the present one.
        if (!__atomic_compare_exchange_n(&ticket_, &ticket, ticket + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) continue;
        task(context, static_cast<int>(index_of(ticket)));
        finish_task();
        ticket = get(ticket_);
    }
}

void ThreadPool::finish_task() {
    if (__atomic_sub_fetch(&unfinished_, 1, __ATOMIC_ACQ_REL) != 0) return;
    pthread_mutex_lock(&mutex_);
    pthread_cond_signal(&done_);
    pthread_mutex_unlock(&mutex_);
}

void *ThreadPool::worker(void *pool) {
    ThreadPool &self = *static_cast<ThreadPool *>(pool);
    uint32_t job = 0;  // the last one that this thread has worked on
    for (;;) {
        if (!spin_until([&] { return self.has_job_after(job); })) {
            pthread_mutex_lock(&self.mutex_);
            while (!self.has_job_after(job)) pthread_cond_wait(&self.wake_, &self.mutex_);
            pthread_mutex_unlock(&self.mutex_);
        }
        if (get(self.stop_)) return nullptr;
        const uint64_t ticket = get(self.ticket_);
        job = job_of(ticket);
        self.work(ticket);
    }
}

void ThreadPool::run(void (*task)(void *context, int index), void *context, int count) {
    if (count == 1 || workers_ == 0) {
        for (int i = 0; i < count; ++i) task(context, i);
        return;
    }
    const uint64_t ticket = static_cast<uint64_t>(job_of(get(ticket_)) + 1) << 32;
    pthread_mutex_lock(&mutex_);
    put(task_, task);
    put(context_, context);
    put(count_, static_cast<uint32_t>(count));
    put(unfinished_, static_cast<uint32_t>(count));
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
