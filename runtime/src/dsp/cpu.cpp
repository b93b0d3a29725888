#include "dsp/dsp.h"
#include "platform.h"

#if defined(__x86_64__)
#  include <cpuid.h>
#endif

namespace dce {

#if defined(__x86_64__)

uint32_t cpu_features() {
    constexpr unsigned kFma = 1u << 12, kOsxsave = 1u << 27, kAvx = 1u << 28;
    constexpr unsigned kF = 1u << 16, kDq = 1u << 17, kBw = 1u << 30, kVl = 1u << 31;
    constexpr unsigned kYmm = 0x6, kZmm = 0xe6;
    const auto has = [](unsigned word, unsigned bits) { return (word & bits) == bits; };
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, kOsxsave | kFma | kAvx)) return 0;
    // Register states that the operating system saves: without them the instructions fault, whatever the processor can do.
    unsigned saved, high;
    __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if (!has(saved, kYmm) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has(b, 1u << 5)) return 0;
    uint32_t features = kAvx2;
    if (has(saved, kZmm) && has(b, kF | kDq | kBw | kVl)) {
        features |= kAvx512;
        if (has(c, 1u << 11)) features |= kAvx512Vnni;
    }
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && has(a, 1u << 4)) features |= kAvxVnni;
    return features;
}

#elif defined(__aarch64__)
uint32_t cpu_features() { return has_arm_dot_product() ? uint32_t{kNeonDot} : 0; }
#elif defined(__arm__)
uint32_t cpu_features() { return has_arm_fused_neon() ? uint32_t{kNeon32} : 0; }
#else
uint32_t cpu_features() { return 0; }
#endif

}  // namespace dce
