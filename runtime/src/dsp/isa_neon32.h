// NEON of 32-bit Arm with the fused multiply-add of VFPv4: 4 lanes, 16 registers. See vector.h.
#ifndef DCELITE_DSP_ISA_NEON32_H
#define DCELITE_DSP_ISA_NEON32_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

namespace dce::vector {
namespace {

constexpr int kLanes = 4;
typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));

// The second one where the first is not a number.
inline Floats larger(Floats a, Floats b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
inline Floats smaller(Floats a, Floats b) { return vbslq_f32(vcltq_f32(a, b), a, b); }

// ---- convolutions of floats ----

constexpr int kBlockPixels = 6;
constexpr int kBlockVectors = 2;
constexpr int kDepthPixels = kBlockPixels;

// ---- of int8 ----

constexpr int kInt8Pairs = 2;
constexpr int kInt8Vectors = 2;
constexpr bool kSigned = true;

inline Ints dot4(Ints sum, Ints values, Ints weights) {
    // In 16 bits, added up in pairs: |weight| <= 127 and |value| <= 128, so that the sum of two products stays within them.
    const int8x16_t bytes = veorq_s8(vreinterpretq_s8_s32(values), vdupq_n_s8(-128));  // less 128
    const int8x16_t factors = vreinterpretq_s8_s32(weights);
    const int16x8_t low = vmull_s8(vget_low_s8(bytes), vget_low_s8(factors));
    const int16x8_t high = vmull_s8(vget_high_s8(bytes), vget_high_s8(factors));
    const int16x4_t first = vpadd_s16(vget_low_s16(low), vget_high_s16(low));
    return vpadalq_s16(sum, vcombine_s16(first, vpadd_s16(vget_low_s16(high), vget_high_s16(high))));
}

// Ties to even, by the addition of 1.5 x 2^23; what is further out only has to stay on its side of 0 … 255.
inline Ints nearest(Floats x) {
    const Floats limited = vminq_f32(vmaxq_f32(x, vdupq_n_f32(-4194304.0f)), vdupq_n_f32(4194303.0f));
    const Floats shifted = vaddq_f32(limited, vdupq_n_f32(12582912.0f));
    return vsubq_s32(vreinterpretq_s32_f32(shifted), vdupq_n_s32(0x4b400000));
}

inline Ints clamp(Ints x) { return vminq_s32(vmaxq_s32(x, vdupq_n_s32(0)), vdupq_n_s32(255)); }

inline void store_bytes(Ints x, uint8_t *values) {
    const uint16x4_t words = vmovn_u32(vreinterpretq_u32_s32(x));
    const uint32x2_t bytes = vreinterpret_u32_u8(vmovn_u16(vcombine_u16(words, words)));
    const uint32_t word = vget_lane_u32(bytes, 0);
    memcpy(values, &word, sizeof word);
}

// ---- the curve ----

constexpr int kCurveGroups = 1;

inline Floats load_bytes(const uint8_t *values) {
    uint32_t word;
    memcpy(&word, values, sizeof word);
    const uint8x8_t bytes = vcreate_u8(word);
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
}

inline void store_bytes(const Floats *vectors, uint8_t *values) {
    // As in isa_neon.h: the highest bytes of 2^24 times a value.
    uint16x8_t words[4];
    for (int v = 0; v < 4; ++v) words[v] = vreinterpretq_u16_u32(vcvtq_n_u32_f32(vectors[v], 24));
    const uint8x16_t low = vreinterpretq_u8_u16(vuzpq_u16(words[0], words[1]).val[1]);
    const uint8x16_t high = vreinterpretq_u8_u16(vuzpq_u16(words[2], words[3]).val[1]);
    vst1q_u8(values, vuzpq_u8(low, high).val[1]);
}

// ---- in fixed point: isa_neon_fixed.h ----

constexpr int kFixedVectors = 4;
constexpr int kFixedPixels = 4;
constexpr int kFixedDepthPixels = kFixedPixels;

}  // namespace
}  // namespace dce::vector

#include "dsp/isa_neon_fixed.h"

#endif
