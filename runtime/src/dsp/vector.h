// What the kernels on vectors (…_vector.h) have in common: they are the same for every instruction set, which a header of its
// own (isa_….h) names. The build includes such a header and then one of the kernels in a file, which it compiles with the
// options that allow these instructions, under the name DCE_SET.
//
// An instruction set defines in namespace dce::vector:
//
//   kLanes                      32-bit values in a vector
//   Floats, Ints                vectors of float and int32_t, types on which the compiler knows + - * / and indexing
//   larger, smaller             of two vectors of floats, lane by lane
//
// for the convolutions of floats:
//   kBlockPixels, kBlockVectors size of the register block: their product plus kBlockVectors + 1 vectors have to fit the
//                               registers
//   kDepthPixels                pixels of a depthwise layer at a time: with nine taps and a value, as many vectors; divides
//                               kBlockPixels
// for those of int8, unless it has kernels of its own (convolution_int8_neon.h):
//   kInt8Pairs, kInt8Vectors    the same, in pairs of pixels
//   kSigned                     dot4 takes its unsigned bytes for signed ones that are 128 less: the bias makes up for it
//   dot4(sum, values, weights)  sum + Σ over the four bytes of each lane, unsigned by signed
//   nearest(Floats)             to integers, ties to even
//   clamp(Ints)                 to 0 … 255
//   store_bytes(Ints, uint8_t *)  lanes of 0 … 255 as kLanes bytes
//
// for the network in fixed point, besides nearest; those of convolution_fixed_neon.h want no dot2:
//   kFixedPixels, kFixedDepthPixels  as kBlockPixels for two vectors of Ints, and kDepthPixels
//   dot2(sum, a, b)             sum + Σ over the two 16-bit values of each lane
//   pack(low, high)             two vectors of Ints as Shorts, saturated
//
// for the curve:
//   kCurveGroups                groups of four vectors that go through the curve together: latency times throughput of a
//                               multiply-add, or what fits
//   load_bytes(const uint8_t *) kLanes bytes as floats
//   DCE_SPLITS_PIXELS           a macro: pixels of four bytes go through the curve as planes of three, see ByteCurveKernels; then
//   to_codes(Floats)            truncated, clamped to 0 … 255, not-a-number to 0
//   store_bytes(const Floats *, uint8_t *)  four vectors as bytes: truncated, clamped to 0 … 255, not-a-number to 0
//
// for the curve in fixed point:
//   kShorts, Shorts             16-bit values in a vector, and their vector
//   kFixedVectors               vectors that go through the curve together: an even number
//   multiply(a, b)              the product of curve_fixed.h; of a vector and a number, too
//   multiply_add(sum, a, b)     sum + multiply(a, b)
//   add_saturated, larger, smaller  of two such vectors
//   load_pixel(const int16_t *) four values, again and again
//   load_codes(const uint8_t *) kShorts bytes, each 256 times what it is more than 128
//   load_centered(const uint8_t *, Shorts *)   2 kShorts bytes as values of curve_fixed.h
//   store_centered(const Shorts *, uint8_t *)  two vectors of them as bytes
#ifndef DCELITE_DSP_VECTOR_H
#define DCELITE_DSP_VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// In front of a loop whose arrays are to live in registers, or whose counter decides what it does.
#if defined(__clang__)
#  define DCE_UNROLL _Pragma("clang loop unroll(full)")
#  define DCE_UNROLL_BLOCK DCE_UNROLL
#else
#  define DCE_UNROLL _Pragma("GCC unroll 16")
#  define DCE_UNROLL_BLOCK  // where GCC does it unasked
#endif

// Where a vector is to be computed, among others that are. Browsers compute in the order that the compiler wrote, which is not that
// of the source: each vector's chain of operations for itself, or with more of them alive than there are registers.
#if defined(__wasm__)
#  define DCE_IN_ORDER(vector) __asm__ volatile("" : "+r"(vector))
#else
#  define DCE_IN_ORDER(vector) static_cast<void>(0)
#endif

namespace dce::vector {
namespace {  // each instruction set has its own functions: the linker must not take one for another's

inline Floats load(const float *values) {
    Floats result;
    memcpy(&result, values, sizeof result);
    return result;
}

inline Ints load(const int32_t *values) {
    Ints result;
    memcpy(&result, values, sizeof result);
    return result;
}

inline Shorts load(const int16_t *values) {
    Shorts result;
    memcpy(&result, values, sizeof result);
    return result;
}

inline Ints load_words(const uint8_t *bytes) {
    Ints result;
    memcpy(&result, bytes, sizeof result);
    return result;
}

inline void store(Floats vector, float *values) { memcpy(values, &vector, sizeof vector); }
inline void store(Ints vector, int32_t *values) { memcpy(values, &vector, sizeof vector); }
inline void store(Shorts vector, int16_t *values) { memcpy(values, &vector, sizeof vector); }

inline Floats to_floats(Ints vector) { return __builtin_convertvector(vector, Floats); }

inline Floats fill(float value) { return value - Floats{}; }
inline Ints fill(int32_t value) { return value - Ints{}; }

// Lane l of the result is lane Index::of(l) of `a`, or lane Index::of(l) - kLanes of `b`. One instruction or two.
template <typename Index>
inline Floats shuffle(Floats a, Floats b) {
#if defined(__clang__)
    Floats result;
    DCE_UNROLL for (int l = 0; l < kLanes; ++l) result[l] = Index::of(l) < kLanes ? a[Index::of(l)] : b[Index::of(l) - kLanes];
    return result;
#else
    Ints indices;
    DCE_UNROLL for (int l = 0; l < kLanes; ++l) indices[l] = Index::of(l);
    return __builtin_shuffle(a, b, indices);
#endif
}

// Channel and pixel of lane l in the kPhase-th vector of interleaved pixels.
template <int kChannels, int kPhase>
struct Interleaved {
    static constexpr int of(int l) { return (kPhase * kLanes + l) % kChannels; }
    static constexpr int pixel(int l) { return (kPhase * kLanes + l) / kChannels; }
};

// tanh x = 1 - 2 / (e^2x + 1), with e^y = 2^n e^f, n the integer nearest to y log2(e), and e^f by its Taylor series of
// degree 7 (|f| < 0.35: the first term left out is below 1e-8). Absolute error below 2e-7.
inline Floats tanh(Floats x) {
    x = smaller(larger(x, fill(-9.5f)), fill(9.5f));  // beyond, tanh is 1 to the last bit
    const float kRound = 12582912.0f;                 // 1.5 * 2^23: adding it rounds to an integer
    const Floats shifted = x * 2.88539008f + kRound;
    const Floats n = shifted - kRound;
    const Floats f = x * 2.0f - n * 0.693147181f;
    constexpr float kTaylor[] = {1.0f / 720.0f, 1.0f / 120.0f, 1.0f / 24.0f, 1.0f / 6.0f, 0.5f, 1.0f, 1.0f};
    Floats power = fill(1.0f / 5040.0f);
    for (const float coefficient : kTaylor) power = power * f + coefficient;
    Ints bits;
    memcpy(&bits, &shifted, sizeof bits);
    const Ints exponent = (bits << 23) + (127 << 23);  // the integer n stands in the lowest bits of `shifted`
    Floats scale;
    memcpy(&scale, &exponent, sizeof scale);
    return 1.0f - 2.0f / (power * scale + 1.0f);
}

// A row of the map from its sums (width, 3), with kLanes - 1 words of room behind them: tanh(float(sum) * multiplier of the channel).
// The sums are overwritten.
inline void map_of_sums(int32_t *sums, const float *multiplier, int width, float *map) {
    float multipliers[3 * kLanes];
    for (int i = 0; i < 3 * kLanes; ++i) multipliers[i] = multiplier[i % 3];
    const int count = 3 * width;
    float *values = reinterpret_cast<float *>(sums);  // whole vectors, which the map has no room for
    for (int i = 0, phase = 0; i < count; i += kLanes) {
        store(tanh(to_floats(load(sums + i)) * load(multipliers + phase)), values + i);
        phase += kLanes % 3;
        if (phase >= 3) phase -= 3;
    }
    memcpy(map, values, sizeof(float) * static_cast<size_t>(count));
}

}  // namespace
}  // namespace dce::vector

#endif
