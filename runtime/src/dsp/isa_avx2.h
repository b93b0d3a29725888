// AVX2 and FMA: 8 lanes, 16 registers. See vector.h.
#ifndef DCELITE_DSP_ISA_AVX2_H
#define DCELITE_DSP_ISA_AVX2_H

#include <immintrin.h>
#include <stdint.h>

namespace dce::vector {
namespace {

constexpr int kLanes = 8;
typedef float Floats __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));

inline Floats larger(Floats a, Floats b) { return _mm256_max_ps(a, b); }
inline Floats smaller(Floats a, Floats b) { return _mm256_min_ps(a, b); }

// ---- convolutions of floats ----

constexpr int kBlockPixels = 6;
constexpr int kBlockVectors = 2;
constexpr int kDepthPixels = kBlockPixels;

// ---- of int8 ----

constexpr int kInt8Pairs = 3;
constexpr int kInt8Vectors = 2;
constexpr bool kSigned = false;

inline __m256i bits(Ints vector) { return reinterpret_cast<__m256i>(vector); }

inline Ints dot4(Ints sum, Ints values, Ints weights) {
#if defined(__AVXVNNI__)
    return reinterpret_cast<Ints>(_mm256_dpbusd_avx_epi32(bits(sum), bits(values), bits(weights)));
#else
    // Bytes widened to 16 bits, since the product of bytes saturates.
    const __m256i even = _mm256_and_si256(bits(values), _mm256_set1_epi16(0xff));
    const __m256i odd = _mm256_srli_epi16(bits(values), 8);
    const __m256i even_weights = _mm256_srai_epi16(_mm256_slli_epi16(bits(weights), 8), 8);
    const __m256i odd_weights = _mm256_srai_epi16(bits(weights), 8);
    const __m256i products = _mm256_add_epi32(_mm256_madd_epi16(even, even_weights), _mm256_madd_epi16(odd, odd_weights));
    return reinterpret_cast<Ints>(_mm256_add_epi32(bits(sum), products));
#endif
}

// The rounding mode of the processor is to nearest, ties to even, unless the program changed it.
inline Ints nearest(Floats x) {
    const __m256 rounded = _mm256_round_ps(reinterpret_cast<__m256>(x), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return reinterpret_cast<Ints>(_mm256_cvttps_epi32(rounded));
}

inline Ints clamp(Ints x) {
    return reinterpret_cast<Ints>(_mm256_min_epi32(_mm256_max_epi32(bits(x), _mm256_setzero_si256()), _mm256_set1_epi32(255)));
}

inline void store_bytes(Ints x, uint8_t *values) {
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(bits(x)), _mm256_extracti128_si256(bits(x), 1));
    _mm_storel_epi64(reinterpret_cast<__m128i *>(values), _mm_packus_epi16(words, words));
}

// ---- the curve ----

constexpr int kCurveGroups = 2;

inline Floats load_bytes(const uint8_t *values) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(values))));
}

inline void store_bytes(const Floats *vectors, uint8_t *values) {
    // What is not a number becomes the smallest integer, hence 0. The packs work within halves of the register; the
    // permutation puts the halves' bytes in order.
    const __m256i low = _mm256_packs_epi32(_mm256_cvttps_epi32(vectors[0]), _mm256_cvttps_epi32(vectors[1]));
    const __m256i high = _mm256_packs_epi32(_mm256_cvttps_epi32(vectors[2]), _mm256_cvttps_epi32(vectors[3]));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(values), bytes);
}

// ---- in fixed point ----

constexpr int kShorts = 16;
typedef int16_t Shorts __attribute__((vector_size(32)));
constexpr int kFixedVectors = 6;

inline __m256i bits(Shorts vector) { return reinterpret_cast<__m256i>(vector); }
inline Shorts multiply(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(_mm256_mulhrs_epi16(bits(a), bits(b))); }
inline Shorts multiply(Shorts a, int16_t b) { return multiply(a, reinterpret_cast<Shorts>(_mm256_set1_epi16(b))); }
inline Shorts multiply_add(Shorts sum, Shorts a, Shorts b) {
    return reinterpret_cast<Shorts>(_mm256_add_epi16(bits(sum), bits(multiply(a, b))));
}

inline Shorts add_saturated(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(_mm256_adds_epi16(bits(a), bits(b))); }
inline Shorts larger(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(_mm256_max_epi16(bits(a), bits(b))); }
inline Shorts smaller(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(_mm256_min_epi16(bits(a), bits(b))); }

constexpr int kFixedPixels = 6;
constexpr int kFixedDepthPixels = 3;

inline Ints dot2(Ints sum, Shorts a, Shorts b) {
    return reinterpret_cast<Ints>(_mm256_add_epi32(bits(sum), _mm256_madd_epi16(bits(a), bits(b))));
}
inline Shorts pack(Ints low, Ints high) {
    return reinterpret_cast<Shorts>(_mm256_permute4x64_epi64(_mm256_packs_epi32(bits(low), bits(high)), 0xd8));
}

inline Shorts load_pixel(const int16_t *values) {
    return reinterpret_cast<Shorts>(_mm256_broadcastq_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(values))));
}

inline Shorts load_codes(const uint8_t *bytes) {
    const __m256i codes = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(bytes)));
    return reinterpret_cast<Shorts>(_mm256_xor_si256(_mm256_slli_epi16(codes, 8), _mm256_set1_epi16(-32768)));
}

// The upper half of each value is a byte less 128, that is with its highest bit changed; the lower one is 128. Unpacking and
// packing work within halves of the register.
inline void load_centered(const uint8_t *values, Shorts *y) {
    const __m256i middle = _mm256_set1_epi8(-128);
    const __m256i given = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(values));
    const __m256i bytes = _mm256_xor_si256(_mm256_permute4x64_epi64(given, 0xd8), middle);
    y[0] = reinterpret_cast<Shorts>(_mm256_unpacklo_epi8(middle, bytes));
    y[1] = reinterpret_cast<Shorts>(_mm256_unpackhi_epi8(middle, bytes));
}

inline void store_centered(const Shorts *y, uint8_t *values) {
    const __m256i bytes = _mm256_packs_epi16(_mm256_srai_epi16(bits(y[0]), 8), _mm256_srai_epi16(bits(y[1]), 8));
    const __m256i ordered = _mm256_xor_si256(_mm256_permute4x64_epi64(bytes, 0xd8), _mm256_set1_epi8(-128));
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(values), ordered);
}

}  // namespace
}  // namespace dce::vector

#endif
