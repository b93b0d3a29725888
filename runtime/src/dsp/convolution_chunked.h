// Rows of the separable layers where an instruction set has kernels of its own (convolution_neon.h, convolution_neon32.h): a chunk of
// pixels is filtered, then multiplied. Included by convolution_vector.h behind one of these, which define
//
//   kChunk, kPointPixels        pixels that are filtered, and that are multiplied, at once
//   depthwise_chunk, pointwise_block
#ifndef DCELITE_DSP_CONVOLUTION_CHUNKED_H
#define DCELITE_DSP_CONVOLUTION_CHUNKED_H

namespace dce::vector {
namespace {

static_assert(kChunk * 2 * kFilters <= kScratchFloats, "what is filtered fits the scratch");
static_assert(kChunk % kPointPixels == 0 && kChunk % kLanes == 0, "chunks are whole blocks");

template <int kInputs>
void chunked_row(const Layer &layer, const LayerInput &input, int width, float *scratch, float *output) {
    for (int x = 0; x < width; x += kChunk) {
        const int count = width - x < kChunk ? width - x : kChunk;
        depthwise_chunk<kInputs>(layer, input, x, count, scratch);
        float *result = output + static_cast<ptrdiff_t>(x) * kFilters;
        int p = 0;
        for (; p + kPointPixels <= count; p += kPointPixels)
            pointwise_block<kInputs>(layer, scratch + p * kInputs, result + p * kFilters);
        for (; p < count; ++p)
            for (int o = 0; o < kFilters; o += kLanes * kBlockVectors) {
                Floats sums[1][kBlockVectors];
                start_with_bias(layer.bias + o, sums);
                accumulate<1, kInputs>(scratch + p * kInputs, layer.weight + o, kInputs, sums);
                store_relu(sums, result + p * kFilters + o);
            }
    }
}

template <>
inline void hidden_row<kFilters>(const Layer &layer, const LayerInput &input, int width, float *scratch, float *output) {
    chunked_row<kFilters>(layer, input, width, scratch, output);
}

template <>
inline void hidden_row<2 * kFilters>(const Layer &layer, const LayerInput &input, int width, float *scratch, float *output) {
    chunked_row<2 * kFilters>(layer, input, width, scratch, output);
}

inline void filter_map(const Layer &layer, const LayerInput &input, int x, int count, float *filtered) {
    depthwise_chunk<2 * kFilters>(layer, input, x, count, filtered);
}

}  // namespace
}  // namespace dce::vector

#endif
