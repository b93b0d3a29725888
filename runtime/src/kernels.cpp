// Which kernels this processor can run.
#include "kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#  include <cpuid.h>
#endif

namespace dce {
namespace {

#if defined(__x86_64__)

// Register states that the operating system saves: without them the instructions fault, whatever the processor can do.
unsigned saved_states() {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

[[maybe_unused]] bool has_avx2() {
    unsigned a, b, c, d;
    constexpr unsigned kOsxsave = 1u << 27, kFma = 1u << 12, kAvx = 1u << 28, kAvx2 = 1u << 5, kYmm = 0x6;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (kOsxsave | kFma | kAvx)) != (kOsxsave | kFma | kAvx)) return false;
    if ((saved_states() & kYmm) != kYmm) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & kAvx2);
}

[[maybe_unused]] bool has_avx512() {
    unsigned a, b, c, d;
    constexpr unsigned kFeatures = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;  // F, DQ, BW, VL
    constexpr unsigned kZmm = 0xe6;
    return has_avx2() && (saved_states() & kZmm) == kZmm && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
           (b & kFeatures) == kFeatures;
}

#endif

bool always() { return true; }

struct Candidate {
    const Kernels *kernels;
    bool (*runs_here)();
};

// Best first. The build defines DCELITE_WITH_… for the sets whose files it has.
constexpr Candidate kCandidates[] = {
#if defined(DCELITE_WITH_AVX512)
    {&kAvx512Kernels, has_avx512},
#endif
#if defined(DCELITE_WITH_AVX2)
    {&kAvx2Kernels, has_avx2},
#endif
#if defined(DCELITE_WITH_NEON)
    {&kNeonKernels, always},
#endif
    {&kScalarKernels, always},
};

}  // namespace

const Kernels *select_kernels(const char **requested, char *names, size_t names_size) {
    *requested = getenv("DCELITE_ISA");
    if (*requested && !**requested) *requested = nullptr;
    for (const Candidate &candidate : kCandidates)
        if (candidate.runs_here() && (!*requested || strcmp(*requested, candidate.kernels->name) == 0)) return candidate.kernels;
    list_kernels(names, names_size);
    return nullptr;
}

size_t list_kernels(char *names, size_t size) {
    size_t length = 0;
    for (const Candidate &candidate : kCandidates) {
        if (!candidate.runs_here()) continue;
        char *end = length < size ? names + length : nullptr;
        length += static_cast<size_t>(
            snprintf(end, end ? size - length : 0, "%s%s", length ? " " : "", candidate.kernels->name));
    }
    return length;
}

}  // namespace dce
