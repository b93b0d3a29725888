// AVX-512 VNNI: dot products of four bytes in 16 lanes.
#include <immintrin.h>
#include <stdint.h>

namespace dce {
namespace int8 {
namespace {

constexpr int kLanes = 16;
constexpr int kBlockPairs = 5;
constexpr int kBlockVectors = 2;
constexpr bool kSigned = false;

typedef float Floats __attribute__((vector_size(64)));
typedef int32_t Ints __attribute__((vector_size(64)));

inline __m512i bits(Ints vector) { return reinterpret_cast<__m512i>(vector); }

inline Ints dot4(Ints sum, Ints values, Ints weights) {
    return reinterpret_cast<Ints>(_mm512_dpbusd_epi32(bits(sum), bits(values), bits(weights)));
}

inline Ints nearest(Floats x) {
    return reinterpret_cast<Ints>(
        _mm512_cvt_roundps_epi32(reinterpret_cast<__m512>(x), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

inline Ints clamp(Ints x) {
    return reinterpret_cast<Ints>(_mm512_min_epi32(_mm512_max_epi32(bits(x), _mm512_setzero_si512()), _mm512_set1_epi32(255)));
}

inline void store_bytes(Ints x, uint8_t *values) {
    _mm_storeu_si128(reinterpret_cast<__m128i *>(values), _mm512_cvtepi32_epi8(bits(x)));
}

}  // namespace
}  // namespace int8
}  // namespace dce

#include "kernels_int8_vector.h"

namespace dce {

extern const Int8Kernels kAvx512VnniInt8Kernels;
const Int8Kernels kAvx512VnniInt8Kernels = {"avx512vnni", int8::image_row, int8::hidden_row, int8::map_row};

}  // namespace dce
