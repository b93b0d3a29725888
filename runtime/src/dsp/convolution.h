// Kernels of the network in floats: a row of a layer's output from three rows of its inputs.
//
// Rows hold a pixel's channels next to each other, (width, channels), with one pixel of zeros before and after the row: the
// padding of the 3x3 convolutions. Pointers to such rows point at the first real pixel. Rows above and below the image are
// rows of zeros.
#ifndef DCELITE_DSP_CONVOLUTION_H
#define DCELITE_DSP_CONVOLUTION_H

#include "dsp/weights.h"

namespace dce {

// What a layer of the network reads for one row of output: three rows of one input, or of two that are concatenated.
struct LayerInput {
    const float *rows[2][3];  // [source][row above, row, row below]
    int channels[2];          // of each source; channels[1] is 0 for a single one
};

enum class Activation { kRelu, kTanh };

struct ConvolutionKernels {
    // One layer of Zero-DCE++ for one row: depthwise 3x3, pointwise, activation -> (width, layer.outputs). `scratch` holds
    // kScratchFloats.
    void (*separable_row)(const Layer &layer, const LayerInput &input, int width, Activation activation, float *scratch,
                          float *output);

    // One layer of Zero-DCE for one row: 3x3, activation -> (width, layer.outputs).
    void (*plain_row)(const Layer &layer, const LayerInput &input, int width, Activation activation, float *scratch,
                      float *output);
};

constexpr int kScratchFloats = 4096;  // intermediate values of a block of pixels: they stay in the first-level cache

}  // namespace dce

#endif
