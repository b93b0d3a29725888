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

// ---- of int8 ----

constexpr int kInt8Pairs = 2;
constexpr int kInt8Vectors = 4;
constexpr bool kSigned = true;

inline Ints dot4(Ints sum, Ints values, Ints weights) {
    const int8x16_t bytes = veorq_s8(vreinterpretq_s8_s32(values), vdupq_n_s8(-128));  // less 128
    const int8x16_t factors = vreinterpretq_s8_s32(weights);
#if defined(__ARM_FEATURE_DOTPROD)
    return vdotq_s32(sum, bytes, factors);
#else
    // In 16 bits, added up in pairs: |weight| <= 127 and |value| <= 128, so that the sum of two products stays within them.
    const int16x8_t low = vmull_s8(vget_low_s8(bytes), vget_low_s8(factors));
    const int16x8_t high = vmull_high_s8(bytes, factors);
    return vpadalq_s16(sum, vpaddq_s16(low, high));
#endif
}

inline Ints nearest(Floats x) { return vcvtnq_s32_f32(x); }

inline Ints clamp(Ints x) { return vminq_s32(vmaxq_s32(x, vdupq_n_s32(0)), vdupq_n_s32(255)); }

inline void store_bytes(Ints x, uint8_t *values) {
    const uint16x4_t words = vmovn_u32(vreinterpretq_u32_s32(x));
    const uint32x2_t bytes = vreinterpret_u32_u8(vmovn_u16(vcombine_u16(words, words)));
    const uint32_t word = vget_lane_u32(bytes, 0);
    memcpy(values, &word, sizeof word);
}

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

// ---- in fixed point ----

constexpr int kShorts = 8;
typedef int16_t Shorts __attribute__((vector_size(16)));
constexpr int kFixedVectors = 8;

inline int16x8_t bits(Shorts vector) { return reinterpret_cast<int16x8_t>(vector); }
inline Shorts multiply(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(vqrdmulhq_s16(bits(a), bits(b))); }

inline Shorts multiply_add(Shorts sum, Shorts a, Shorts b) {
#if defined(__ARM_FEATURE_QRDMX)
    return reinterpret_cast<Shorts>(vqrdmlahq_s16(bits(sum), bits(a), bits(b)));
#else
    return sum + multiply(a, b);
#endif
}

inline Shorts load_pixel(const int16_t *values) {
    const int16x4_t pixel = vld1_s16(values);
    return reinterpret_cast<Shorts>(vcombine_s16(pixel, pixel));
}

// The upper half of each value is a byte less 128, that is with its highest bit changed; the lower one is 128.
inline void load_centered(const uint8_t *values, Shorts *y) {
    const uint8x16_t middle = vdupq_n_u8(128), bytes = veorq_u8(vld1q_u8(values), middle);
    const uint8x16x2_t words = vzipq_u8(middle, bytes);
    y[0] = reinterpret_cast<Shorts>(words.val[0]);
    y[1] = reinterpret_cast<Shorts>(words.val[1]);
}

inline void store_centered(const Shorts *y, uint8_t *values) {
    const uint8x16x2_t halves = vuzpq_u8(reinterpret_cast<uint8x16_t>(y[0]), reinterpret_cast<uint8x16_t>(y[1]));
    vst1q_u8(values, veorq_u8(halves.val[1], vdupq_n_u8(128)));
}

}  // namespace
}  // namespace dce::vector

#endif
