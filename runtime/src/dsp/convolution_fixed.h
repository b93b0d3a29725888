// Kernels of the network in 16-bit fixed point, for DCE_FAST: layers 2 to 7 of Zero-DCE++; layer 1, which has few inputs, is
// that of floats (convolution.h), whose outputs become 16 bits by narrow_row. A value is a whole number of steps, of its
// channel's own size, so that all channels use the range; network/fixed_model.h chooses the steps.
//
//   depthwise value = bias + Σ (weight * value + 2^14) >> 15 over the nine neighbors; no sum leaves 16 bits, whatever the values
//   pointwise sum   = bias + Σ weight * depthwise value over the channels; none leaves 32 bits
//   layer output    = clamp(sum >> shift) to 0 … 32767, which is ReLU, too
//   map             = tanh(float(sum) * multiplier), of layer 7
//
// A set may add up products of 16 bits instead (sums_are_short), but in layer 7: sum = bias + Σ (weight * value + 2^14) >> 15,
// clamped at each addition, and nothing to shift afterwards.
//
// Rows are laid out as those of floats: (width, kFilters), with a pixel of zeros before and after.
#ifndef DCELITE_DSP_CONVOLUTION_FIXED_H
#define DCELITE_DSP_CONVOLUTION_FIXED_H

#include "dsp/weights.h"

namespace dce {

struct FixedInput {
    const int16_t *rows[2][3];  // [source][row above, row, row below]
};

constexpr int kFixedScratch = 4096;  // 16-bit values of scratch that a row needs
constexpr int kFixedMost = 8;  // pixels that kernels compute at a time: a shorter row is read, and written, as one of so many

struct FixedKernels {
    bool sums_are_short;
    int input_block;  // inputs are read so many at a time
    double worth;     // the share of a network's products, of those that are not left out, up to which floats would take longer

    // (width, kFilters), none below 0, times `scale` (kFilters) to the nearest steps.
    void (*narrow_row)(const float *values, const float *scale, int width, int16_t *output);

    // Layers 2 to 6. `bias` is the layer's, or that of the frame.
    void (*hidden_row)(const FixedLayer &layer, const int32_t *bias, const FixedInput &input, int width, int16_t *scratch,
                       int16_t *output);

    // Layer 7 -> a row of the map (width, 3). `sums` has room for kFixedMost pixels more.
    void (*map_row)(const FixedLayer &layer, const FixedInput &input, int width, int16_t *scratch, int32_t *sums, float *map);
};

}  // namespace dce

#endif
