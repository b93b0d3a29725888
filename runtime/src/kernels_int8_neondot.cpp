// NEON with the dot products of Armv8.2.
#include "kernels_int8_128.h"

namespace dce {
namespace int8 {
namespace {

inline Ints dot4(Ints sum, Ints values, Ints weights) {
    return vdotq_s32(sum, signed_bytes(values), vreinterpretq_s8_s32(weights));
}

}  // namespace
}  // namespace int8
}  // namespace dce

#include "kernels_int8_vector.h"

namespace dce {

extern const Int8Kernels kNeonDotInt8Kernels;
const Int8Kernels kNeonDotInt8Kernels = {"neondot", int8::image_row, int8::hidden_row, int8::map_row};

}  // namespace dce
