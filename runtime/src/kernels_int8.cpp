// Which int8 kernels this processor can run.
#include "kernels_int8.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#  include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#  include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#  include <sys/sysctl.h>
#elif defined(__aarch64__) && defined(_WIN32)
#  define WIN32_LEAN_AND_MEAN
#  include <windows.h>
#endif

namespace dce {
namespace {

bool always(bool, bool) { return true; }

#if defined(__x86_64__)

// The float kernels' names say whether the operating system saves the registers.
[[maybe_unused]] bool has_avx2(bool avx2, bool) { return avx2; }

[[maybe_unused]] bool has_avx_vnni(bool avx2, bool) {
    unsigned a, b, c, d;
    return avx2 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}

[[maybe_unused]] bool has_avx512_vnni(bool, bool avx512) {
    unsigned a, b, c, d;
    return avx512 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & 1u << 11);
}

#elif defined(__aarch64__)

[[maybe_unused]] bool has_dot_product(bool, bool) {
#  if defined(__linux__)
    constexpr unsigned long kAsimdDp = 1ul << 20;
    return (getauxval(AT_HWCAP) & kAsimdDp) != 0;
#  elif defined(__APPLE__)
    int value = 0;
    size_t size = sizeof value;
    return sysctlbyname("hw.optional.arm.FEAT_DotProd", &value, &size, nullptr, 0) == 0 && value != 0;
#  elif defined(_WIN32)
    constexpr DWORD kDotProduct = 43;  // PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE, which older headers lack
    return IsProcessorFeaturePresent(kDotProduct) != 0;
#  else
    return false;
#  endif
}

#endif

struct Candidate {
    const Int8Kernels *kernels;
    bool (*runs_here)(bool avx2, bool avx512);
};

// Best first.
constexpr Candidate kCandidates[] = {
#if defined(DCELITE_WITH_AVX512VNNI)
    {&kAvx512VnniInt8Kernels, has_avx512_vnni},
#endif
#if defined(DCELITE_WITH_AVXVNNI)
    {&kAvxVnniInt8Kernels, has_avx_vnni},
#endif
#if defined(DCELITE_WITH_AVX2)
    {&kAvx2Int8Kernels, has_avx2},
#endif
#if defined(DCELITE_WITH_NEONDOT)
    {&kNeonDotInt8Kernels, has_dot_product},
#endif
#if defined(DCELITE_WITH_NEON)
    {&kNeonInt8Kernels, always},
#endif
    {&kScalarInt8Kernels, always},
};

}  // namespace

const Int8Kernels &int8_kernels_beside(const Kernels &kernels) {
    const bool avx512 = strcmp(kernels.name, "avx512") == 0;
    const bool avx2 = avx512 || strcmp(kernels.name, "avx2") == 0;
    if (strcmp(kernels.name, "scalar") != 0)
        for (const Candidate &candidate : kCandidates)
            if (candidate.runs_here(avx2, avx512)) return *candidate.kernels;
    return kScalarInt8Kernels;
}

int int8_kernels(const Int8Kernels *list[8]) {
    const char *requested;
    char names[64];
    const Kernels *best = select_kernels(&requested, names, sizeof names);
    const bool avx512 = best && strcmp(best->name, "avx512") == 0;
    const bool avx2 = avx512 || (best && strcmp(best->name, "avx2") == 0);
    int count = 0;
    for (const Candidate &candidate : kCandidates)
        if (candidate.runs_here(avx2, avx512)) list[count++] = candidate.kernels;
    return count;
}

void quantise_row(const float *values, int count, int32_t *output) {
    for (int i = 0; i < count; ++i) {
        const int32_t level = static_cast<int32_t>(lrintf(values[i] * 255.0f));
        output[i] = level < 0 ? 0 : level > 255 ? 255 : level;
    }
}

}  // namespace dce
