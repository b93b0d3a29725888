// NEON of 64-bit Arm: 4 floats, 32 registers.
#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

namespace dce {
namespace vector {
namespace {

constexpr int kLanes = 4;
constexpr int kBlockPixels = 6;
constexpr int kBlockVectors = 4;

typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));

inline Floats load_bytes(const uint8_t *values) {
    uint32_t word;
    memcpy(&word, values, sizeof word);
    const uint8x8_t bytes = vcreate_u8(word);
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
}

inline Floats larger(Floats a, Floats b) { return vmaxnmq_f32(a, b); }
inline Floats smaller(Floats a, Floats b) { return vminnmq_f32(a, b); }

inline void store_bytes(Floats vector, uint8_t *values) {
    // the conversion saturates at 0 and turns what is not a number into 0; the two narrowings saturate at 255
    const uint16x4_t words = vqmovn_u32(vcvtq_u32_f32(vector));
    const uint8x8_t bytes = vqmovn_u16(vcombine_u16(words, words));
    const uint32_t word = vget_lane_u32(vreinterpret_u32_u8(bytes), 0);
    memcpy(values, &word, sizeof word);
}

}  // namespace
}  // namespace vector
}  // namespace dce

#include "kernels_vector.h"

namespace dce {

extern const Kernels kNeonKernels;
const Kernels kNeonKernels = {"neon", downsample_row, vector::separable_row, vector::plain_row, vector::expand_row, vector::curve_row};

}  // namespace dce
