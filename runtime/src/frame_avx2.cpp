// The frame kernels for AVX2 and FMA.
#include "frame_kernels.h"

namespace dce {

extern const FrameKernels kAvx2FrameKernels;
const FrameKernels kAvx2FrameKernels = kFrameKernels;

}  // namespace dce
