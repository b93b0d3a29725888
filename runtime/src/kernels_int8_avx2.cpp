// AVX2: bytes widened to 16 bits, since its product of bytes saturates.
#include "kernels_int8_256.h"

namespace dce {
namespace int8 {
namespace {

inline Ints dot4(Ints sum, Ints values, Ints weights) {
    const __m256i even = _mm256_and_si256(bits(values), _mm256_set1_epi16(0xff));
    const __m256i odd = _mm256_srli_epi16(bits(values), 8);
    const __m256i even_weights = _mm256_srai_epi16(_mm256_slli_epi16(bits(weights), 8), 8);
    const __m256i odd_weights = _mm256_srai_epi16(bits(weights), 8);
    const __m256i products = _mm256_add_epi32(_mm256_madd_epi16(even, even_weights), _mm256_madd_epi16(odd, odd_weights));
    return reinterpret_cast<Ints>(_mm256_add_epi32(bits(sum), products));
}

}  // namespace
}  // namespace int8
}  // namespace dce

#include "kernels_int8_vector.h"

namespace dce {

extern const Int8Kernels kAvx2Int8Kernels;
const Int8Kernels kAvx2Int8Kernels = {"avx2", int8::image_row, int8::hidden_row, int8::map_row};

}  // namespace dce
