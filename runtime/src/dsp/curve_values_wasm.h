// curve_values of curve_floats_vector.h on the vectors of WebAssembly, in the order in which browsers are to compute: see
// DCE_IN_ORDER. What a compiler makes of the loop there takes more registers than there are.
#ifndef DCELITE_DSP_CURVE_VALUES_WASM_H
#define DCELITE_DSP_CURVE_VALUES_WASM_H

#include "dsp/curve.h"
#include "dsp/isa_simd128.h"
#include "dsp/vector.h"

namespace dce {
namespace {

// As clamp of blocks.h.
inline vector::Floats clamp_to_one(vector::Floats values) {
    const vector::Ints one = vector::Ints{} + 0x3f800000;
    vector::Ints bits;
    memcpy(&bits, &values, sizeof bits);
    bits = bits > 0 ? bits : vector::Ints{};
    bits = bits < one ? bits : one;
    memcpy(&values, &bits, sizeof values);
    return values;
}

template <int kMaps>
void curve_values(float *values, const float *above, const float *below, float weight, ptrdiff_t stride, int count) {
    using namespace vector;
    constexpr int kTogether = 4;  // vectors
    static_assert(kCurveLanes % (kTogether * kLanes) == 0, "no more is computed than elsewhere");
    for (int first = 0; first < count; first += kTogether * kLanes) {
        Floats x[kTogether], a[kTogether];
        DCE_UNROLL for (int v = 0; v < kTogether; ++v) x[v] = clamp_to_one(load(values + first + v * kLanes));
        DCE_UNROLL for (int n = 0; n < DCE_ITERATIONS; ++n) {
            DCE_UNROLL for (int v = 0; v < kTogether; ++v) {
                const ptrdiff_t map = n * stride + first + v * kLanes;
                if (n < kMaps) a[v] = load(above + map) + weight * (load(below + map) - load(above + map));
                x[v] += a[v] * (x[v] * x[v] - x[v]);
                DCE_IN_ORDER(x[v]);
            }
        }
        DCE_UNROLL for (int v = 0; v < kTogether; ++v) {
            const Floats value = load(values + first + v * kLanes);
            store(clamp_to_one(x[v]) + (value - clamp_to_one(value)), values + first + v * kLanes);
        }
    }
}

}  // namespace
}  // namespace dce

#endif
