// What the core asks of the operating system: processors, clock, threads, files, forks. The other files know no system by name.
#ifndef DCELITE_PLATFORM_H
#define DCELITE_PLATFORM_H

#include <stdint.h>
#include <stdio.h>

#if !defined(_WIN32) && !defined(__wasm__)
#  include <pthread.h>
#endif

namespace dce {

constexpr int kMaxThreads = 64;

// Processors that the calling process may use, 1 … kMaxThreads: those that its affinity and, on Linux, the CPU quotas of its
// control groups allow (a container's limit; rounded up to a whole processor).
int available_processors();

// The least whole number of processors that covers the quotas of a process's control groups, of version 1 and 2; 0: none has
// a quota. `membership` is a file like /proc/self/cgroup, `mount` the folder where the hierarchies are mounted.
int quota_processors(const char *membership, const char *mount);

// A monotonic clock, in nanoseconds.
int64_t now_ns();

// True where the processor, of 64-bit Arm, has the dot products of Armv8.2, as far as the system says so.
bool has_arm_dot_product();

// True where the processor, of 32-bit Arm, has NEON and VFPv4, as far as the system says so.
bool has_arm_fused_neon();

// Tells the processor that this thread waits for another one.
void pause();

// Lets other threads have the processor.
void yield();

#if defined(__wasm__)  // has neither files nor variables: the compiler leaves out what would deal with them
inline FILE *open_to_read(const char *) { return nullptr; }
inline const char *variable(const char *) { return nullptr; }
#else
// Opens a file to read its bytes; `path` is UTF-8 on Windows, and what the caller's bytes are elsewhere. Null: it cannot be opened.
FILE *open_to_read(const char *path);

// The value of an environment variable; null: it is not set.
const char *variable(const char *name);
#endif

// Locks, conditions, threads: those of POSIX and of Windows, initialized by DCE_MUTEX and DCE_CONDITION; none in WebAssembly,
// where a page has an instance, with a memory of its own, for each of its workers.
#if defined(__wasm__)
struct Mutex {};
struct Condition {};
struct Thread {};
#  define DCE_MUTEX {}
#  define DCE_CONDITION {}
#  define DCE_THREAD void *
#elif defined(_WIN32)
struct Mutex {
    void *lock;  // an SRWLOCK, which is a pointer
};
struct Condition {
    void *variable;  // a CONDITION_VARIABLE
};
using Thread = void *;  // a HANDLE
#  define DCE_MUTEX {nullptr}
#  define DCE_CONDITION {nullptr}
#  define DCE_THREAD unsigned long __stdcall  // what the function of a thread returns: 0
#else
using Mutex = pthread_mutex_t;
using Condition = pthread_cond_t;
using Thread = pthread_t;
#  define DCE_MUTEX PTHREAD_MUTEX_INITIALIZER
#  define DCE_CONDITION PTHREAD_COND_INITIALIZER
#  define DCE_THREAD void *
#endif
using ThreadFunction = DCE_THREAD(void *context);

void lock(Mutex *mutex);
void unlock(Mutex *mutex);
void destroy(Mutex *mutex);
void wait(Condition *condition, Mutex *mutex);
void wake_one(Condition *condition);
void wake_all(Condition *condition);
void destroy(Condition *condition);

// Starts a thread that takes no signals: those belong to the program's own threads. False: the system grants none.
bool start_thread(Thread *thread, ThreadFunction *function, void *context);
void join(Thread thread);

// Tells a process from the children that it forks: by the process number, and, since numbers come again in a service that forks
// workers for months, by a page of memory that a child finds wiped, where the system can do that (Linux 4.14). On Windows and
// in WebAssembly there are no forks.
class Generation {
public:
    Generation();
    ~Generation();
    Generation(const Generation &) = delete;
    Generation &operator=(const Generation &) = delete;

    // A number, never 0, the same for all threads of a process, and another one in a forked child: threads that were started
    // with another number than today's do not exist here.
    uint32_t now();

private:
#if !defined(_WIN32) && !defined(__wasm__)
    uint32_t wiped();

    uint32_t *page_ = nullptr;  // read and written atomically, as is `last_`; null: the process number has to do
    uint32_t last_ = 1;         // what the page held before it was wiped
#endif
};

}  // namespace dce

#endif
