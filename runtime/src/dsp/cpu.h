// What the processor can do, as far as kernels ask for it.
#ifndef DCELITE_DSP_CPU_H
#define DCELITE_DSP_CPU_H

#include <stdint.h>

namespace dce {

// Bits. Those of x86-64 also say that the operating system saves the registers.
enum CpuFeature : uint32_t {
    kAvx2 = 1 << 0,        // with FMA
    kAvx512 = 1 << 1,      // F, BW, DQ, VL, and kAvx2
    kAvxVnni = 1 << 2,     // dot products of four bytes, in 256 bits
    kAvx512Vnni = 1 << 3,  // and in 512 bits
    kNeonDot = 1 << 4,     // the same of Armv8.2; all 64-bit Arm processors have NEON
};

uint32_t cpu_features();

}  // namespace dce

#endif
