// AVX-512 with dot products of four bytes.
#ifndef DCELITE_DSP_ISA_AVX512VNNI_H
#define DCELITE_DSP_ISA_AVX512VNNI_H

#include "dsp/isa_avx512.h"

namespace dce::vector {
namespace {

constexpr int kInt8Pairs = 5;
constexpr int kInt8Vectors = 2;
constexpr bool kSigned = false;

inline Ints dot4(Ints sum, Ints values, Ints weights) {
    return reinterpret_cast<Ints>(_mm512_dpbusd_epi32(bits(sum), bits(values), bits(weights)));
}

inline Ints clamp(Ints x) {
    return reinterpret_cast<Ints>(_mm512_min_epi32(_mm512_max_epi32(bits(x), _mm512_setzero_si512()), _mm512_set1_epi32(255)));
}

inline void store_bytes(Ints x, uint8_t *values) {
    _mm_storeu_si128(reinterpret_cast<__m128i *>(values), _mm512_cvtepi32_epi8(bits(x)));
}

}  // namespace
}  // namespace dce::vector

#endif
