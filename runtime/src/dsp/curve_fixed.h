// Kernels of the curve in 16-bit fixed point, for DCE_FAST: the same integers on every instruction set.
//
// A value is y = 65280 (x - 1/2): of a byte u, 256 u - 32640, so that its upper half is u - 128. The product of two is
//
//     a . b = (a b + 2^14) >> 15
//
// (pmulhrsw of x86, sqrdmulh of Arm), and an iteration y <- y + a . (y . y - kFixedQuarter), with a in units of
// 65280 / 2^30. No y leaves -32640 … 32640, for no map and in no iteration, so that nothing overflows; of all values and
// maps, tests/runtime/native/dsp/curve_fixed_test.cpp knows how far the result is from that of real numbers: 0.23 levels at
// most, before it is rounded.
//
// Rows of the map are kept in halves of that unit, so that sum and difference of two of them fit as well: between rows b and
// c at weight w lies (b + c) + (c - b) . (2 w - 1).
#ifndef DCELITE_DSP_CURVE_FIXED_H
#define DCELITE_DSP_CURVE_FIXED_H

#include "dsp/curve.h"

namespace dce {

constexpr int kFixedQuarter = 32513;                                   // y . y of y = ±32640, that is of x = 0 and 1
constexpr float kFixedMap = 32768.0f / 65280.0f * 32768.0f * 0.5f;     // a row's value for a = 1
constexpr int kFixedLane = 4;                                          // values of the map for each of its pixels
constexpr int kFixedSlack = 192;  // values behind each row and its weights, which may be read, and of rows overwritten

// How a row of the map becomes one of pixels, or of planes: between the ends of a run at `weights`, 0 … 32767 of 2^15, those
// of a pixel repeated for each of its channels.
struct FixedExpansion {
    Expansion along;
    const int16_t *weights;
};

// The rows of the map around a row of the image: their sum, their difference, and 2 w - 1 in 2^-15. Each holds `maps` rows of as
// many values as the row of the image has, one after the other.
struct FixedMapRows {
    const int16_t *sum;
    const int16_t *difference;
    int16_t weight;
    int maps;  // 1 or DCE_ITERATIONS
};

// 8-bit YUV to values of this file. Sums may leave 16 bits: luma and the share of chroma in a channel are each split into two
// halves, whose sums saturate on the same side as the whole does; the share of U in blue, which may be above 256 levels, is
// split into three. With c = 256 (code - 128) of a sample, halves are products with `half` (of blue: of 0.4), and the rest is
// what they lack of c or 2 c plus the product with `rest`, modulo 2^16.
struct FixedMatrix {
    int16_t luma_half, luma_rest, luma_half_offset, luma_offset;
    int16_t red_half, red_rest;
    int16_t green_u_half, green_v_half, green_u, green_v;
    int16_t blue_part, blue_rest;
};

// Of yuv_matrix(matrix, 8).
FixedMatrix fix_matrix(const YuvMatrix &matrix);

struct FixedCurveKernels {
    // One map's row (map width, kFixedLane) -> (width, channels), for 3 or 4 channels; for 1, the first of each pixel's values.
    void (*expand_row)(const int16_t *map, const FixedExpansion &expansion, int channels, int16_t *output);

    // sum = above + below, difference = below - above.
    void (*combine_rows)(const int16_t *above, const int16_t *below, int count, int16_t *sum, int16_t *difference);

    // The curve on one row of `count` 8-bit values.
    void (*curve_row)(const uint8_t *source, const FixedMapRows &map, int count, uint8_t *destination);

    // A row of 8-bit YUV -> 8-bit red, green and blue, and alpha of 255; the map rows are planes.
    void (*yuv_to_rgb_row)(const YuvRow &source, const FixedMatrix &matrix, const FixedMapRows &map, int width,
                           PixelLayout layout, uint8_t *destination);
};

// Three channels of a row of the map (width, map channels) times `strength` -> (width, kFixedLane), in the order of the
// image's channels; alpha gets 0. What is not a number becomes 0, what is beyond ±1 the end of the range.
void fix_map_row(const float *map, int map_channels, int width, PixelLayout layout, float strength, int16_t *output);

// The weights of `along` for so many channels.
void fix_weights(int size, int low, int channels, int16_t *weights);

int16_t fix_row_weight(float weight);

}  // namespace dce

#endif
