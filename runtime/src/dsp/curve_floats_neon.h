// The curve on floats for NEON with a fused multiply-add, of 64 and of 32 bits: what compilers make of the plain loop keeps its values
// in memory. Included by curve_floats_vector.h, which has that loop for the others.
#ifndef DCELITE_DSP_CURVE_FLOATS_NEON_H
#define DCELITE_DSP_CURVE_FLOATS_NEON_H

#include <arm_neon.h>

namespace dce {
namespace {

// See clamp in blocks.h.
inline float32x4_t clamp_to_one(float32x4_t value) {
    const int32x4_t bits = vmaxq_s32(vreinterpretq_s32_f32(value), vdupq_n_s32(0));
    return vreinterpretq_f32_s32(vminq_s32(bits, vreinterpretq_s32_f32(vdupq_n_f32(1.0f))));
}

#if defined(__clang__)
#  define DCE_UNROLLED _Pragma("clang loop unroll(full)")
#else
#  define DCE_UNROLLED _Pragma("GCC unroll 8")
#endif
#define DCE_EACH_VECTOR DCE_UNROLLED for (int v = 0; v < kVectors; ++v)

// The curve on values between 0 and 1; what is beyond stays. Each of kMaps map rows is `stride` floats from the last.
template <int kMaps>
__attribute__((noinline)) void curve_values(float *__restrict values, const float *__restrict above,
                                            const float *__restrict below, float weight, ptrdiff_t stride, int count) {
    constexpr int kVectors = 4, kLanes = 4;  // whose multiply-adds do not wait for each other
    static_assert(kCurveLanes % (kVectors * kLanes) == 0, "the last block reaches no further than it may");
    const float32x4_t weights = vdupq_n_f32(weight);
    for (int first = 0; first < count; first += kVectors * kLanes) {
        float32x4_t x[kVectors], beyond[kVectors], a[kVectors];
        DCE_EACH_VECTOR {
            const float32x4_t value = vld1q_f32(values + first + v * kLanes);
            x[v] = clamp_to_one(value);
            beyond[v] = vsubq_f32(value, x[v]);
        }
        DCE_UNROLLED for (int n = 0; n < DCE_ITERATIONS; ++n) {
            if (n < kMaps)
                DCE_EACH_VECTOR {
                    const ptrdiff_t map = n * stride + first + v * kLanes;
                    const float32x4_t from = vld1q_f32(above + map);
                    a[v] = vfmaq_f32(from, weights, vsubq_f32(vld1q_f32(below + map), from));
                }
            DCE_EACH_VECTOR x[v] = vfmaq_f32(x[v], a[v], vfmaq_f32(vnegq_f32(x[v]), x[v], x[v]));
        }
        DCE_EACH_VECTOR vst1q_f32(values + first + v * kLanes, vaddq_f32(clamp_to_one(x[v]), beyond[v]));
    }
}

#undef DCE_UNROLLED
#undef DCE_EACH_VECTOR

}  // namespace
}  // namespace dce

#endif
