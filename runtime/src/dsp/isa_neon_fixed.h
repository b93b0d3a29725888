// What both sets of NEON have for the curve in fixed point. See vector.h.
#ifndef DCELITE_DSP_ISA_NEON_FIXED_H
#define DCELITE_DSP_ISA_NEON_FIXED_H

#include <arm_neon.h>
#include <stdint.h>

namespace dce::vector {
namespace {

constexpr int kShorts = 8;
typedef int16_t Shorts __attribute__((vector_size(16)));

inline int16x8_t bits(Shorts vector) { return reinterpret_cast<int16x8_t>(vector); }
inline Shorts multiply(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(vqrdmulhq_s16(bits(a), bits(b))); }

inline Shorts multiply(Shorts a, int16_t b) { return reinterpret_cast<Shorts>(vqrdmulhq_n_s16(bits(a), b)); }

inline Shorts multiply_add(Shorts sum, Shorts a, Shorts b) {
#if defined(__ARM_FEATURE_QRDMX)
    return reinterpret_cast<Shorts>(vqrdmlahq_s16(bits(sum), bits(a), bits(b)));
#else
    return reinterpret_cast<Shorts>(vaddq_s16(bits(sum), bits(multiply(a, b))));
#endif
}

inline Shorts add_saturated(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(vqaddq_s16(bits(a), bits(b))); }
inline Shorts larger(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(vmaxq_s16(bits(a), bits(b))); }
inline Shorts smaller(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(vminq_s16(bits(a), bits(b))); }

inline Shorts pack(Ints low, Ints high) { return reinterpret_cast<Shorts>(vcombine_s16(vqmovn_s32(low), vqmovn_s32(high))); }

inline Shorts load_pixel(const int16_t *values) {
    const int16x4_t pixel = vld1_s16(values);
    return reinterpret_cast<Shorts>(vcombine_s16(pixel, pixel));
}

inline Shorts load_codes(const uint8_t *bytes) {
    return reinterpret_cast<Shorts>(vshll_n_u8(veor_u8(vld1_u8(bytes), vdup_n_u8(128)), 8));
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
