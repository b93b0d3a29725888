// What the core asks of the operating system: processors, clock, forks. The other files know no system by name.
#ifndef DCELITE_PLATFORM_H
#define DCELITE_PLATFORM_H

#include <stdint.h>

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

// Tells the processor that this thread waits for another one.
void pause();

// Tells a process from the children that it forks: by the process number, and, since numbers come again in a service that forks
// workers for months, by a page of memory that a child finds wiped, where the system can do that (Linux 4.14).
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
    uint32_t wiped();

    uint32_t *page_ = nullptr;  // read and written atomically, as is `last_`; null: the process number has to do
    uint32_t last_ = 1;         // what the page held before it was wiped
};

}  // namespace dce

#endif
