#include "platform.h"

#include <stdlib.h>
#include <string.h>
#if defined(_WIN32)
#  define WIN32_LEAN_AND_MEAN
#  define NOMINMAX
#  include <windows.h>
#else
#  include <sched.h>
#  include <signal.h>
#  include <sys/mman.h>
#  include <time.h>
#  include <unistd.h>
#endif
#if defined(__linux__)
#  include <sys/auxv.h>
#elif defined(__APPLE__)
#  include <sys/sysctl.h>
#endif

namespace dce {

#if defined(__linux__) && !defined(__ANDROID__)  // where apps have shares of the processors, not quotas
namespace {

constexpr size_t kGroup = 512;             // bytes of the path of a control group; a longer one counts as none
constexpr size_t kFolder = 2 * kGroup;     // with the hierarchy that it is in
constexpr size_t kFile = kFolder + 32;

// The first line of a file without its end; false: there is no such file.
bool read_line(const char *path, char *line, size_t size) {
    FILE *file = fopen(path, "r");
    if (!file) return false;
    const size_t length = fread(line, 1, size - 1, file);
    fclose(file);
    line[length] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return true;
}

// Processors that `quota` microseconds in each `period` amount to, rounded up; 0: no quota ("max", -1, nonsense).
int processors_of(const char *quota, const char *period) {
    const long long granted = strtoll(quota, nullptr, 10), whole = strtoll(period, nullptr, 10);
    if (granted <= 0 || whole <= 0) return 0;
    const long long count = granted / whole + (granted % whole != 0);
    return count > kMaxThreads ? kMaxThreads : static_cast<int>(count);
}

// The quota of one control group: cpu.max has "quota period" in version 2, version 1 has a file for each.
int group_processors(const char *folder) {
    char path[kFile], quota[64], period[64];
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (read_line(path, quota, sizeof quota)) {
        char *space = strchr(quota, ' ');
        return space ? processors_of(quota, space + 1) : 0;
    }
    snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (!read_line(path, quota, sizeof quota)) return 0;
    snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    return read_line(path, period, sizeof period) ? processors_of(quota, period) : 0;
}

// The smallest quota of a group and the groups above it. In a container the path may name folders that only the host sees:
// then its own group is the root of the mount, which the walk reaches in the end.
int smallest_quota(const char *hierarchy, const char *group) {
    char path[kGroup], folder[kFolder];
    if (strlen(group) >= sizeof path) return 0;
    strcpy(path, strcmp(group, "/") == 0 ? "" : group);
    int smallest = 0;
    for (;;) {
        snprintf(folder, sizeof folder, "%s%s", hierarchy, path);
        const int count = group_processors(folder);
        if (count > 0 && (smallest == 0 || count < smallest)) smallest = count;
        char *slash = strrchr(path, '/');
        if (!slash) return smallest;
        *slash = '\0';
    }
}

// True where "cpu" is one of the controllers, separated by commas, of version 1.
bool has_cpu(const char *controllers) {
    for (const char *name = controllers; name; name = strchr(name, ',')) {
        name += *name == ',';
        if (strncmp(name, "cpu", 3) == 0 && (name[3] == ',' || name[3] == '\0')) return true;
    }
    return false;
}

}  // namespace

int quota_processors(const char *membership, const char *mount) {
    char text[4096];
    FILE *file = fopen(membership, "r");
    if (!file) return 0;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    int smallest = 0;
    for (char *line = text, *next; line; line = next) {  // number:controllers:/path
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : nullptr;
        if (!group) continue;
        *group++ = '\0';
        ++controllers;
        if (*controllers && !has_cpu(controllers)) continue;
        char hierarchy[kGroup];
        snprintf(hierarchy, sizeof hierarchy, *controllers ? "%s/%s" : "%s", mount, controllers);
        const int count = smallest_quota(hierarchy, group);
        if (count > 0 && (smallest == 0 || count < smallest)) smallest = count;
    }
    return smallest;
}
#endif

int available_processors() {
#if defined(_WIN32)
    DWORD_PTR allowed = 0, all = 0;  // both 0 where the process has processors of more than one group of 64
    GetProcessAffinityMask(GetCurrentProcess(), &allowed, &all);
    const long count = allowed ? __builtin_popcountll(allowed) : static_cast<long>(GetActiveProcessorCount(ALL_PROCESSOR_GROUPS));
#else
    long count = sysconf(_SC_NPROCESSORS_ONLN);
#endif
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) count = CPU_COUNT(&allowed);
#endif
#if defined(__linux__) && !defined(__ANDROID__)
    const int quota = quota_processors("/proc/self/cgroup", "/sys/fs/cgroup");
    if (quota > 0 && quota < count) count = quota;
#endif
    return count < 1 ? 1 : count > kMaxThreads ? kMaxThreads : static_cast<int>(count);
}

int64_t now_ns() {
    constexpr int64_t kSecond = 1000000000;
#if defined(_WIN32)
    LARGE_INTEGER frequency, ticks;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&ticks);
    const int64_t each = frequency.QuadPart, all = ticks.QuadPart;
    return all / each * kSecond + all % each * kSecond / each;
#else
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<int64_t>(time.tv_sec) * kSecond + time.tv_nsec;
#endif
}

#if defined(__aarch64__)
bool has_arm_dot_product() {
#if defined(__linux__)
    constexpr unsigned long kAsimdDp = 1ul << 20;
    return (getauxval(AT_HWCAP) & kAsimdDp) != 0;
#elif defined(__APPLE__)
    int value = 0;
    size_t size = sizeof value;
    return sysctlbyname("hw.optional.arm.FEAT_DotProd", &value, &size, nullptr, 0) == 0 && value != 0;
#elif defined(_WIN32)
    constexpr DWORD kDotProduct = 43;  // PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE, which older headers lack
    return IsProcessorFeaturePresent(kDotProduct) != 0;
#else
    return false;
#endif
}
#elif defined(__arm__)
bool has_arm_fused_neon() {
#if defined(__linux__)
    constexpr unsigned long kNeonAndVfpv4 = 1ul << 12 | 1ul << 16;
    return (getauxval(AT_HWCAP) & kNeonAndVfpv4) == kNeonAndVfpv4;
#else
    return false;
#endif
}
#endif

void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}

const char *variable(const char *name) { return getenv(name); }

#if defined(_WIN32)

void yield() { SwitchToThread(); }

FILE *open_to_read(const char *path) {
    wchar_t wide[4096];  // of UTF-16; a longer path cannot be opened
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, sizeof wide / sizeof *wide) == 0) return nullptr;
    return _wfopen(wide, L"rb");
}

namespace {
SRWLOCK *of(Mutex *mutex) { return reinterpret_cast<SRWLOCK *>(&mutex->lock); }
CONDITION_VARIABLE *of(Condition *condition) { return reinterpret_cast<CONDITION_VARIABLE *>(&condition->variable); }
}  // namespace

void lock(Mutex *mutex) { AcquireSRWLockExclusive(of(mutex)); }
void unlock(Mutex *mutex) { ReleaseSRWLockExclusive(of(mutex)); }
void destroy(Mutex *) {}
void wait(Condition *condition, Mutex *mutex) { SleepConditionVariableSRW(of(condition), of(mutex), INFINITE, 0); }
void wake_one(Condition *condition) { WakeConditionVariable(of(condition)); }
void wake_all(Condition *condition) { WakeAllConditionVariable(of(condition)); }
void destroy(Condition *) {}

bool start_thread(Thread *thread, ThreadFunction *function, void *context) {
    *thread = CreateThread(nullptr, 0, function, context, 0, nullptr);
    return *thread != nullptr;
}

void join(Thread thread) {
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

Generation::Generation() = default;
Generation::~Generation() = default;
uint32_t Generation::now() { return 1; }

#else

void yield() { sched_yield(); }
FILE *open_to_read(const char *path) { return fopen(path, "rb"); }

void lock(Mutex *mutex) { pthread_mutex_lock(mutex); }
void unlock(Mutex *mutex) { pthread_mutex_unlock(mutex); }
void destroy(Mutex *mutex) { pthread_mutex_destroy(mutex); }
void wait(Condition *condition, Mutex *mutex) { pthread_cond_wait(condition, mutex); }
void wake_one(Condition *condition) { pthread_cond_signal(condition); }
void wake_all(Condition *condition) { pthread_cond_broadcast(condition); }
void destroy(Condition *condition) { pthread_cond_destroy(condition); }

bool start_thread(Thread *thread, ThreadFunction *function, void *context) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(thread, nullptr, function, context) == 0;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
}

void join(Thread thread) { pthread_join(thread, nullptr); }

#if defined(MAP_ANONYMOUS) && !defined(MADV_WIPEONFORK) && defined(__linux__)
#  define MADV_WIPEONFORK 18  // which older headers lack
#endif

Generation::Generation() {
#if defined(MADV_WIPEONFORK)
    const size_t size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    void *page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return;
    if (madvise(page, size, MADV_WIPEONFORK) != 0) {
        munmap(page, size);
        return;
    }
    page_ = static_cast<uint32_t *>(page);
    *page_ = last_;
#endif
}

Generation::~Generation() {
    if (page_) munmap(page_, static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

// Process numbers have 22 bits; how often the page was wiped stands above them. Emulators may say that they wipe, and not do it.
uint32_t Generation::now() { return static_cast<uint32_t>(getpid()) | wiped() << 22; }

uint32_t Generation::wiped() {
    if (!page_) return 0;
    uint32_t number = __atomic_load_n(page_, __ATOMIC_ACQUIRE);
    if (number != 0) return number;
    const uint32_t next = __atomic_load_n(&last_, __ATOMIC_ACQUIRE) + 1;
    if (!__atomic_compare_exchange_n(page_, &number, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return number;
    __atomic_store_n(&last_, next, __ATOMIC_RELEASE);
    return next;
}
#endif

}  // namespace dce
