// The kernels of an instruction set: functions from rows to rows, each with a scalar version that is its specification.
//
// A set that does better than another one in some parts takes the other parts from it. runtime/CMakeLists.txt lists the sets.
#ifndef DCELITE_DSP_DSP_H
#define DCELITE_DSP_DSP_H

#include <stddef.h>
#include <stdint.h>

#include "dsp/convolution.h"
#include "dsp/convolution_fixed.h"
#include "dsp/convolution_int8.h"
#include "dsp/curve.h"
#include "dsp/curve_fixed.h"
#include "dsp/denoise.h"

namespace dce {

// What a processor can do, as bits. Those of x86-64 also say that the operating system saves the registers.
enum CpuFeature : uint32_t {
    kAvx2 = 1 << 0,        // with FMA
    kAvx512 = 1 << 1,      // F, BW, DQ, VL, and kAvx2
    kAvxVnni = 1 << 2,     // dot products of four bytes, in 256 bits
    kAvx512Vnni = 1 << 3,  // and in 512 bits
    kNeonDot = 1 << 4,     // the same of Armv8.2; all 64-bit Arm processors have NEON
    kNeon32 = 1 << 5,      // NEON and the fused multiply-add of VFPv4 of 32-bit Arm
};

uint32_t cpu_features();

struct Dsp {
    const char *name;
    uint32_t needs;  // CpuFeature bits
    const ConvolutionKernels *convolution;
    const Int8Kernels *convolution_int8;
    const FixedKernels *convolution_fixed;  // all null: floats take no longer
    const ByteCurveKernels *curve_bytes;
    const FixedCurveKernels *curve_fixed;
    const FloatCurveKernels *curve_floats;
    const DenoiseKernels *denoise;

    bool runs_here() const;
};

// The sets of this build, best first; the last one is the scalar one, which runs everywhere.
struct DspList {
    const Dsp *first, *last;

    const Dsp *begin() const { return first; }
    const Dsp *end() const { return last + 1; }
};
DspList all_dsp();

// The first set that runs here, or, with a name, the one that has it; null where that does not run here, or is not known.
const Dsp *choose_dsp(const char *name);

// See dce_list_kernels.
size_t list_dsp(char *names, size_t size);

}  // namespace dce

#endif
