#include "dsp/dsp.h"

#include <stdio.h>
#include <string.h>

namespace dce {

// A line for each set, from its line in runtime/CMakeLists.txt: its name, what it needs, and whose kernels its parts are.
#define DCE_INSTRUCTION_SET(name, needs, convolution, convolution_int8, convolution_fixed, curve_bytes, curve_fixed, \
                            curve_floats)                                                                            \
    namespace convolution { extern const ConvolutionKernels kConvolution; }                                          \
    namespace convolution_int8 { extern const Int8Kernels kConvolutionInt8; }                                        \
    namespace convolution_fixed { extern const FixedKernels kConvolutionFixed; }                                     \
    namespace curve_bytes { extern const ByteCurveKernels kCurveBytes; }                                             \
    namespace curve_fixed { extern const FixedCurveKernels kCurveFixed; }                                            \
    namespace curve_floats { extern const FloatCurveKernels kCurveFloats; }                                          \
    namespace curve_floats { extern const DenoiseKernels kDenoise; }
#include "instruction_sets.inc"
#undef DCE_INSTRUCTION_SET

namespace none { extern const FixedKernels kConvolutionFixed = {}; }

namespace {

#define DCE_INSTRUCTION_SET(name, needs, convolution, convolution_int8, convolution_fixed, curve_bytes, curve_fixed, \
                            curve_floats)                                                                            \
    {#name, needs, &convolution::kConvolution, &convolution_int8::kConvolutionInt8, &convolution_fixed::kConvolutionFixed, \
     &curve_bytes::kCurveBytes, &curve_fixed::kCurveFixed, &curve_floats::kCurveFloats, &curve_floats::kDenoise},
constexpr Dsp kSets[] = {
#include "instruction_sets.inc"
};
#undef DCE_INSTRUCTION_SET

}  // namespace

bool Dsp::runs_here() const { return (needs & ~cpu_features()) == 0; }

DspList all_dsp() { return {kSets, kSets + sizeof kSets / sizeof *kSets - 1}; }

const Dsp *choose_dsp(const char *name) {
    for (const Dsp &dsp : all_dsp())
        if ((!name || strcmp(name, dsp.name) == 0) && dsp.runs_here()) return &dsp;
    return nullptr;
}

size_t list_dsp(char *names, size_t size) {
    size_t length = 0;
    for (const Dsp &dsp : all_dsp()) {
        if (!dsp.runs_here()) continue;
        char *end = length < size ? names + length : nullptr;
        length += static_cast<size_t>(snprintf(end, end ? size - length : 0, "%s%s", length ? " " : "", dsp.name));
    }
    return length;
}

}  // namespace dce
