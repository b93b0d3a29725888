// AVX-512 (F, BW, DQ, VL): 16 floats, 32 registers.
#include <immintrin.h>
#include <stdint.h>

namespace dce {
namespace vector {
namespace {

constexpr int kLanes = 16;
constexpr int kBlockPixels = 12;
constexpr int kBlockVectors = 2;

typedef float Floats __attribute__((vector_size(64)));
typedef int32_t Ints __attribute__((vector_size(64)));

inline Floats load_bytes(const uint8_t *values) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i *>(values))));
}

inline Floats larger(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats smaller(Floats a, Floats b) { return _mm512_min_ps(a, b); }

inline void store_bytes(Floats vector, uint8_t *values) {
    // max returns its second operand where the first is not a number
    const __m512i integers = _mm512_cvttps_epi32(smaller(larger(vector, Floats{}), _mm512_set1_ps(255.0f)));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(values), _mm512_cvtepi32_epi8(integers));
}

}  // namespace
}  // namespace vector
}  // namespace dce

#include "kernels_vector.h"

namespace dce {

extern const Kernels kAvx512Kernels;
const Kernels kAvx512Kernels = {"avx512", downsample_row, vector::separable_row, vector::plain_row, vector::expand_row, vector::curve_row};

}  // namespace dce
