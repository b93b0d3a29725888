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
constexpr int kCurveGroups = 2;

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

inline void store_bytes(const Floats *vectors, uint8_t *values) {
    // The conversion saturates at 0 and turns what is not a number into 0; the two narrowings saturate at 255.
    uint16x4_t words[4];
    for (int v = 0; v < 4; ++v) words[v] = vqmovn_u32(vcvtq_u32_f32(vectors[v]));
    const uint8x8_t low = vqmovn_u16(vcombine_u16(words[0], words[1]));
    vst1q_u8(values, vcombine_u8(low, vqmovn_u16(vcombine_u16(words[2], words[3]))));
}

}  // namespace
}  // namespace vector
}  // namespace dce

#include "kernels_vector.h"

namespace dce {

extern const Kernels kNeonKernels;
const Kernels kNeonKernels = {"neon", vector::separable_row, vector::plain_row, vector::expand_row, vector::curve_row};

}  // namespace dce
