// Kernels of the int8 network: from rows to rows, in integers, the same bits on every processor.
//
//   depthwise sum   = bias + Σ weight * value over the nine neighbors
//   depthwise value = clamp(rint(float(sum) * multiplier))
//   pointwise sum   = bias + Σ weight * depthwise value over the channels
//   layer output    = clamp(rint(float(sum) * multiplier)), of layer 7: tanh(float(sum) * multiplier)
//
// with weights int8, values uint8, sums and biases int32; rint to nearest, ties to even; clamp to 0 … 255, which is ReLU, too.
// Products and quotients of floats are rounded each: these files are compiled without contraction.
//
// Rows of layer outputs hold pixels in pairs. A pair takes kFilters words of 32 bits, one a channel, with four bytes: the pixel
// before the pair, its two pixels, the pixel behind it; zeros beyond the row. So one word has all that a 3x3 kernel needs of
// one row for both pixels: a dot product of four bytes with weights (w0 w1 w2 0) for the first, (0 w0 w1 w2) for the second.
//
// Kernels whose dot products want signed bytes may keep all of them as that, less 128: see `mask`.
//
// Rows of the image are words, one a channel, 0 … 255, with a pixel of zeros before and after the row.
#ifndef DCELITE_DSP_CONVOLUTION_INT8_H
#define DCELITE_DSP_CONVOLUTION_INT8_H

#include "dsp/weights.h"

namespace dce {

struct Int8Input {
    const int32_t *rows[2][3];  // [source][row above, row, row below]
};

constexpr int kPairWords = kFilters;
constexpr int kInt8Slack = 64;             // words behind an image row, and behind a row of sums, that may be touched
constexpr int kInt8ScratchBytes = 16384;   // of scratch that a row needs, besides its sums
constexpr size_t int8_sums(size_t width) { return 3 * width + kInt8Slack; }

struct Int8Kernels {
    // What words of pairs are exclusive-ored with, in rows that these kernels write and read.
    int32_t mask;

    // Layer 1: rows of the image -> a row of pairs.
    void (*image_row)(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *output);

    // Layers 2 to 6: rows of pairs -> a row of pairs.
    void (*hidden_row)(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *output);

    // Layer 7: rows of pairs -> a row of the map (width, 3). `sums` has int8_sums(width) words.
    void (*map_row)(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *sums, float *map);
};

}  // namespace dce

#endif
