// What AVX2 and AVX-VNNI have in common: vectors of 8 words. Included by their files.
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

namespace dce {
namespace int8 {
namespace {

constexpr int kLanes = 8;
constexpr int kBlockPairs = 3;
constexpr int kBlockVectors = 2;
constexpr bool kSigned = false;

typedef float Floats __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));

inline __m256i bits(Ints vector) { return reinterpret_cast<__m256i>(vector); }

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

}  // namespace
}  // namespace int8
}  // namespace dce
