// AVX2 and FMA: 8 floats, 16 registers.
#include <immintrin.h>
#include <stdint.h>

namespace dce {
namespace vector {
namespace {

constexpr int kLanes = 8;
constexpr int kBlockPixels = 6;
constexpr int kBlockVectors = 2;

typedef float Floats __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));

inline Floats load_bytes(const uint8_t *values) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(values))));
}

inline Floats larger(Floats a, Floats b) { return _mm256_max_ps(a, b); }
inline Floats smaller(Floats a, Floats b) { return _mm256_min_ps(a, b); }

inline void store_bytes(Floats vector, uint8_t *values) {
    // max returns its second operand where the first is not a number; the packs only narrow, nothing is left to saturate
    const __m256i integers = _mm256_cvttps_epi32(smaller(larger(vector, Floats{}), _mm256_set1_ps(255.0f)));
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(integers), _mm256_extracti128_si256(integers, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i *>(values), _mm_packus_epi16(words, words));
}

}  // namespace
}  // namespace vector
}  // namespace dce

#include "kernels_vector.h"

namespace dce {

extern const Kernels kAvx2Kernels;
const Kernels kAvx2Kernels = {"avx2", downsample_row, vector::separable_row, vector::plain_row, vector::expand_row, vector::curve_row};

}  // namespace dce
