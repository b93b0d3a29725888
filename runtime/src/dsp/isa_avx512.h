// AVX-512 (F, BW, DQ, VL): 16 lanes, 32 registers; no int8. See vector.h.
#ifndef DCELITE_DSP_ISA_AVX512_H
#define DCELITE_DSP_ISA_AVX512_H

#include <immintrin.h>
#include <stdint.h>

namespace dce::vector {
namespace {

constexpr int kLanes = 16;
typedef float Floats __attribute__((vector_size(64)));
typedef int32_t Ints __attribute__((vector_size(64)));

inline Floats larger(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats smaller(Floats a, Floats b) { return _mm512_min_ps(a, b); }

inline __m512i bits(Ints vector) { return reinterpret_cast<__m512i>(vector); }

inline Ints nearest(Floats x) {
    return reinterpret_cast<Ints>(
        _mm512_cvt_roundps_epi32(reinterpret_cast<__m512>(x), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

// ---- convolutions of floats ----

constexpr int kBlockPixels = 12;
constexpr int kBlockVectors = 2;
constexpr int kDepthPixels = kBlockPixels;

// ---- the curve ----

constexpr int kCurveGroups = 3;

inline Floats load_bytes(const uint8_t *values) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i *>(values))));
}

inline void store_bytes(const Floats *vectors, uint8_t *values) {
    // What is not a number becomes the smallest integer, hence 0. The packs work within quarters of the register; the
    // permutation puts the quarters' bytes in order.
    const __m512i low = _mm512_packs_epi32(_mm512_cvttps_epi32(vectors[0]), _mm512_cvttps_epi32(vectors[1]));
    const __m512i high = _mm512_packs_epi32(_mm512_cvttps_epi32(vectors[2]), _mm512_cvttps_epi32(vectors[3]));
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_storeu_si512(values, _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high)));
}

// ---- in fixed point ----

constexpr int kShorts = 32;
typedef int16_t Shorts __attribute__((vector_size(64)));
constexpr int kFixedVectors = 6;

inline __m512i bits(Shorts vector) { return reinterpret_cast<__m512i>(vector); }
inline Shorts multiply(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(_mm512_mulhrs_epi16(bits(a), bits(b))); }
inline Shorts multiply(Shorts a, int16_t b) { return multiply(a, reinterpret_cast<Shorts>(_mm512_set1_epi16(b))); }
inline Shorts multiply_add(Shorts sum, Shorts a, Shorts b) {
    return reinterpret_cast<Shorts>(_mm512_add_epi16(bits(sum), bits(multiply(a, b))));
}

inline Shorts add_saturated(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(_mm512_adds_epi16(bits(a), bits(b))); }
inline Shorts larger(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(_mm512_max_epi16(bits(a), bits(b))); }
inline Shorts smaller(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(_mm512_min_epi16(bits(a), bits(b))); }

constexpr int kFixedPixels = 6;
constexpr int kFixedDepthPixels = 6;

inline Ints dot2(Ints sum, Shorts a, Shorts b) {
    return reinterpret_cast<Ints>(_mm512_add_epi32(bits(sum), _mm512_madd_epi16(bits(a), bits(b))));
}
inline Shorts pack(Ints low, Ints high) {
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    const __m512i words = _mm512_packs_epi32(bits(low), bits(high));
    return reinterpret_cast<Shorts>(_mm512_permutexvar_epi64(order, words));
}

inline Shorts load_pixel(const int16_t *values) {
    return reinterpret_cast<Shorts>(_mm512_broadcastq_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(values))));
}

inline Shorts load_codes(const uint8_t *bytes) {
    const __m512i codes = _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(bytes)));
    return reinterpret_cast<Shorts>(_mm512_xor_si512(_mm512_slli_epi16(codes, 8), _mm512_set1_epi16(-32768)));
}

// See isa_avx2.h.
inline void load_centered(const uint8_t *values, Shorts *y) {
    const __m512i middle = _mm512_set1_epi8(-128);
    const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    const __m512i bytes = _mm512_xor_si512(_mm512_permutexvar_epi64(order, _mm512_loadu_si512(values)), middle);
    y[0] = reinterpret_cast<Shorts>(_mm512_unpacklo_epi8(middle, bytes));
    y[1] = reinterpret_cast<Shorts>(_mm512_unpackhi_epi8(middle, bytes));
}

inline void store_centered(const Shorts *y, uint8_t *values) {
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    const __m512i bytes = _mm512_packs_epi16(_mm512_srai_epi16(bits(y[0]), 8), _mm512_srai_epi16(bits(y[1]), 8));
    _mm512_storeu_si512(values, _mm512_xor_si512(_mm512_permutexvar_epi64(order, bytes), _mm512_set1_epi8(-128)));
}

}  // namespace
}  // namespace dce::vector

#endif
