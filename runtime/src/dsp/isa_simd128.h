// SIMD128 of WebAssembly: 4 lanes, and 16 registers where x86-64 runs it, of which one or two are the machine's own. With
// relaxed SIMD, the compiler makes multiply-adds of products and sums; without, they round twice. See vector.h.
#ifndef DCELITE_DSP_ISA_SIMD128_H
#define DCELITE_DSP_ISA_SIMD128_H

#include <stdint.h>
#include <string.h>
#include <wasm_simd128.h>

namespace dce::vector {
namespace {

constexpr int kLanes = 4;
typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));

inline v128_t bits(Floats vector) { return reinterpret_cast<v128_t>(vector); }
inline v128_t bits(Ints vector) { return reinterpret_cast<v128_t>(vector); }

// One instruction of x86-64 each, which those that know not-a-number are not.
inline Floats larger(Floats a, Floats b) { return reinterpret_cast<Floats>(wasm_f32x4_pmax(bits(b), bits(a))); }
inline Floats smaller(Floats a, Floats b) { return reinterpret_cast<Floats>(wasm_f32x4_pmin(bits(b), bits(a))); }

// ---- convolutions of floats ----

#if defined(__wasm_relaxed_simd__)
constexpr int kBlockPixels = 6;
constexpr int kDepthPixels = 3;
#else  // one register more for the product
constexpr int kBlockPixels = 4;
constexpr int kDepthPixels = 4;
#endif
constexpr int kBlockVectors = 2;

// ---- of int8 ----

constexpr int kInt8Pairs = 3;
constexpr int kInt8Vectors = 2;
constexpr bool kSigned = false;

inline Ints dot4(Ints sum, Ints values, Ints weights) {
    // Bytes widened to 16 bits: no product of theirs saturates.
    const v128_t even = wasm_v128_and(bits(values), wasm_i16x8_splat(0xff));
    const v128_t odd = wasm_u16x8_shr(bits(values), 8);
    const v128_t even_weights = wasm_i16x8_shr(wasm_i16x8_shl(bits(weights), 8), 8);
    const v128_t odd_weights = wasm_i16x8_shr(bits(weights), 8);
    const v128_t products = wasm_i32x4_add(wasm_i32x4_dot_i16x8(even, even_weights), wasm_i32x4_dot_i16x8(odd, odd_weights));
    return reinterpret_cast<Ints>(wasm_i32x4_add(bits(sum), products));
}

// Of values within 2^22: adding 1.5 x 2^23 rounds them to integers, which then stand in the lowest bits.
inline Ints nearest(Floats x) { return reinterpret_cast<Ints>(wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(bits(x)))); }

inline Ints clamp(Ints x) {
    return reinterpret_cast<Ints>(wasm_i32x4_min(wasm_i32x4_max(bits(x), wasm_i32x4_splat(0)), wasm_i32x4_splat(255)));
}

inline void store_bytes(Ints x, uint8_t *values) {
    const v128_t words = wasm_u16x8_narrow_i32x4(bits(x), bits(x));
    wasm_v128_store32_lane(values, wasm_u8x16_narrow_i16x8(words, words), 0);
}

// ---- the curve ----

constexpr int kCurveGroups = 1;

// To integers; what is beyond 0 … 255 stays there, what is not a number becomes 0 or less. The conversion that is defined for
// all values takes twice as many instructions.
inline v128_t truncate(Floats x) {
#if defined(__wasm_relaxed_simd__)
    return wasm_i32x4_relaxed_trunc_f32x4(bits(x));
#else
    const v128_t positive = wasm_f32x4_pmax(wasm_f32x4_splat(0.0f), bits(x));
    constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    return wasm_i32x4_sub(wasm_f32x4_add(wasm_f32x4_sub(positive, wasm_f32x4_splat(0.5f)), wasm_f32x4_splat(kRound)),
                          wasm_f32x4_splat(kRound));
#endif
}

#define DCE_SPLITS_PIXELS

inline Ints to_codes(Floats x) {
    return reinterpret_cast<Ints>(wasm_i32x4_min(wasm_i32x4_max(truncate(x), wasm_i32x4_splat(0)), wasm_i32x4_splat(255)));
}

inline Floats load_bytes(const uint8_t *values) {
    const v128_t bytes = wasm_v128_load32_zero(values);
    return reinterpret_cast<Floats>(wasm_f32x4_convert_i32x4(wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(bytes))));
}

inline void store_bytes(const Floats *vectors, uint8_t *values) {
    v128_t integers[4];
    for (int v = 0; v < 4; ++v) integers[v] = truncate(vectors[v]);
    const v128_t low = wasm_i16x8_narrow_i32x4(integers[0], integers[1]);
    wasm_v128_store(values, wasm_u8x16_narrow_i16x8(low, wasm_i16x8_narrow_i32x4(integers[2], integers[3])));
}

// ---- in fixed point ----

constexpr int kShorts = 8;
typedef int16_t Shorts __attribute__((vector_size(16)));
constexpr int kFixedVectors = 4;

inline v128_t bits(Shorts vector) { return reinterpret_cast<v128_t>(vector); }

inline Shorts multiply(Shorts a, Shorts b) {
#if defined(__wasm_relaxed_simd__)  // which leaves (-1) (-1) open: no two values are that far apart from 0
    return reinterpret_cast<Shorts>(wasm_i16x8_relaxed_q15mulr(bits(a), bits(b)));
#else
    return reinterpret_cast<Shorts>(wasm_i16x8_q15mulr_sat(bits(a), bits(b)));
#endif
}

inline Shorts multiply(Shorts a, int16_t b) { return multiply(a, reinterpret_cast<Shorts>(wasm_i16x8_splat(b))); }
inline Shorts multiply_add(Shorts sum, Shorts a, Shorts b) {
    return reinterpret_cast<Shorts>(wasm_i16x8_add(bits(sum), bits(multiply(a, b))));
}
inline Shorts add_saturated(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(wasm_i16x8_add_sat(bits(a), bits(b))); }
inline Shorts larger(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(wasm_i16x8_max(bits(a), bits(b))); }
inline Shorts smaller(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(wasm_i16x8_min(bits(a), bits(b))); }
constexpr int kFixedPixels = 4;
constexpr int kFixedDepthPixels = 4;

inline Ints dot2(Ints sum, Shorts a, Shorts b) {
    return reinterpret_cast<Ints>(wasm_i32x4_add(bits(sum), wasm_i32x4_dot_i16x8(bits(a), bits(b))));
}
inline Shorts pack(Ints low, Ints high) { return reinterpret_cast<Shorts>(wasm_i16x8_narrow_i32x4(bits(low), bits(high))); }

inline Shorts load_pixel(const int16_t *values) { return reinterpret_cast<Shorts>(wasm_v128_load64_splat(values)); }

inline Shorts load_codes(const uint8_t *bytes) {
    const v128_t codes = wasm_i16x8_shl(wasm_u16x8_load8x8(bytes), 8);
    return reinterpret_cast<Shorts>(wasm_v128_xor(codes, wasm_i16x8_splat(-32768)));
}

// The upper half of each value is a byte less 128, that is with its highest bit changed; the lower one is 128.
inline void load_centered(const uint8_t *values, Shorts *y) {
    const v128_t middle = wasm_i8x16_splat(-128), bytes = wasm_v128_xor(wasm_v128_load(values), middle);
    y[0] = reinterpret_cast<Shorts>(wasm_i8x16_shuffle(middle, bytes, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    y[1] = reinterpret_cast<Shorts>(
        wasm_i8x16_shuffle(middle, bytes, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
}

inline void store_centered(const Shorts *y, uint8_t *values) {
    const v128_t bytes = wasm_i8x16_narrow_i16x8(wasm_i16x8_shr(bits(y[0]), 8), wasm_i16x8_shr(bits(y[1]), 8));
    wasm_v128_store(values, wasm_v128_xor(bytes, wasm_i8x16_splat(-128)));
}

}  // namespace
}  // namespace dce::vector

#endif
