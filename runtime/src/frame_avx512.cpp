// The frame kernels for AVX-512.
#include "frame_kernels.h"

namespace dce {

extern const FrameKernels kAvx512FrameKernels;
const FrameKernels kAvx512FrameKernels = kFrameKernels;

}  // namespace dce
