// NEON of 64-bit Arm: 4 lanes, 32 registers. See vector.h.
#ifndef DCELITE_DSP_ISA_NEON_H
#define DCELITE_DSP_ISA_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

namespace dce::vector {
namespace {

constexpr int kLanes = 4;
typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));

inline Floats larger(Floats a, Floats b) { return vmaxnmq_f32(a, b); }
inline Floats smaller(Floats a, Floats b) { return vminnmq_f32(a, b); }

// ---- convolutions of floats ----

constexpr int kBlockPixels = 6;
constexpr int kBlockVectors = 4;
constexpr int kDepthPixels = kBlockPixels;

// What int8 takes: convolution_int8_neon.h.

// ---- the curve ----

constexpr int kCurveGroups = 2;

inline Floats load_bytes(const uint8_t *values) {
    uint32_t word;
    memcpy(&word, values, sizeof word);
    const uint8x8_t bytes = vcreate_u8(word);
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
}

inline void store_bytes(const Floats *vectors, uint8_t *values) {
    // Times 2^24, the conversion saturates at 256 as well as at 0, which is also what is not a number: the highest bytes are
    // the result.
    uint8x16_t words[4];
    for (int v = 0; v < 4; ++v) words[v] = vreinterpretq_u8_u32(vcvtq_n_u32_f32(vectors[v], 24));
    const uint16x8_t low = vuzp2q_u16(vreinterpretq_u16_u8(words[0]), vreinterpretq_u16_u8(words[1]));
    const uint16x8_t high = vuzp2q_u16(vreinterpretq_u16_u8(words[2]), vreinterpretq_u16_u8(words[3]));
    vst1q_u8(values, vuzp2q_u8(vreinterpretq_u8_u16(low), vreinterpretq_u8_u16(high)));
}

// ---- in fixed point: isa_neon_fixed.h ----

constexpr int kFixedVectors = 2;  // of what curve_fixed_neon.h leaves
constexpr int kFixedPixels = 6;
constexpr int kFixedDepthPixels = kFixedPixels;

inline Ints nearest(Floats x) { return vcvtnq_s32_f32(x); }

}  // namespace
}  // namespace dce::vector

#include "dsp/isa_neon_fixed.h"

#endif
