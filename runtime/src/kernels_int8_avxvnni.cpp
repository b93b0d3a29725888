// AVX-VNNI: dot products of four bytes in 8 lanes.
#include "kernels_int8_256.h"

namespace dce {
namespace int8 {
namespace {

inline Ints dot4(Ints sum, Ints values, Ints weights) {
    return reinterpret_cast<Ints>(_mm256_dpbusd_avx_epi32(bits(sum), bits(values), bits(weights)));
}

}  // namespace
}  // namespace int8
}  // namespace dce

#include "kernels_int8_vector.h"

namespace dce {

extern const Int8Kernels kAvxVnniInt8Kernels;
const Int8Kernels kAvxVnniInt8Kernels = {"avxvnni", int8::image_row, int8::hidden_row, int8::map_row};

}  // namespace dce
