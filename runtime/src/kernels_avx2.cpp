// AVX2 and FMA: 8 floats, 16 registers.
#include <immintrin.h>
#include <stdint.h>

namespace dce {
namespace vector {
namespace {

constexpr int kLanes = 8;
constexpr int kBlockPixels = 6;
constexpr int kBlockVectors = 2;
constexpr int kCurveGroups = 2;

typedef float Floats __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));

inline Floats load_bytes(const uint8_t *values) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(values))));
}

inline Floats larger(Floats a, Floats b) { return _mm256_max_ps(a, b); }
inline Floats smaller(Floats a, Floats b) { return _mm256_min_ps(a, b); }

inline void store_bytes(const Floats *vectors, uint8_t *values) {
    // What is not a number becomes the smallest integer, hence 0. The packs work within halves of the register; the
    // permutation puts the halves' bytes in order.
    const __m256i low = _mm256_packs_epi32(_mm256_cvttps_epi32(vectors[0]), _mm256_cvttps_epi32(vectors[1]));
    const __m256i high = _mm256_packs_epi32(_mm256_cvttps_epi32(vectors[2]), _mm256_cvttps_epi32(vectors[3]));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(values), bytes);
}

}  // namespace
}  // namespace vector
}  // namespace dce

#include "kernels_vector.h"

namespace dce {

extern const Kernels kAvx2Kernels;
const Kernels kAvx2Kernels = {"avx2", vector::separable_row, vector::plain_row, vector::expand_row, vector::curve_row};

}  // namespace dce
