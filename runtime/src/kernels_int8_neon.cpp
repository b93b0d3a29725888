// NEON of every Armv8 processor: products of bytes in 16 bits, added up in pairs.
#include "kernels_int8_128.h"

namespace dce {
namespace int8 {
namespace {

// |weight| <= 127 and |value| <= 128: the sum of two products stays within 16 bits.
inline Ints dot4(Ints sum, Ints values, Ints weights) {
    const int8x16_t bytes = signed_bytes(values);
    const int8x16_t factors = vreinterpretq_s8_s32(weights);
    const int16x8_t low = vmull_s8(vget_low_s8(bytes), vget_low_s8(factors));
    const int16x8_t high = vmull_high_s8(bytes, factors);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
}

}  // namespace
}  // namespace int8
}  // namespace dce

#include "kernels_int8_vector.h"

namespace dce {

extern const Int8Kernels kNeonInt8Kernels;
const Int8Kernels kNeonInt8Kernels = {"neon", int8::image_row, int8::hidden_row, int8::map_row};

}  // namespace dce
