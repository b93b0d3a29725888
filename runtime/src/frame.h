// Rows of images that are not 8-bit interleaved: 16-bit RGB, and YUV with 2 x 2 subsampled chroma.
#ifndef DCELITE_FRAME_H
#define DCELITE_FRAME_H

#include "kernels.h"

namespace dce {

// A row of luma and the row of chroma that covers it.
struct YuvRow {
    uint8_t *luma;
    uint8_t *u, *v;
    int step;  // bytes from a chroma sample to the next
};

// R'G'B' in 0 … 1 from codes, and back: red = luma_scale (Y - luma_offset) + red_v (V - 128), and so on.
struct YuvMatrix {
    float luma_scale, luma_offset;
    float red_v, green_u, green_v, blue_u;
    float weights[3];        // of red, green and blue in luma
    float luma_codes;        // 1 / luma_scale
    float u_codes, v_codes;  // of blue - luma and red - luma
};

// The coefficients of a dce_matrix.
YuvMatrix yuv_matrix(int matrix);

// What the curve needs to know for a row of the image: the expanded rows of the map around it.
struct MapRows {
    const float *above;
    const float *below;
    float weight;  // of the one below
    int maps;      // 1 or DCE_ITERATIONS, one after the other in each row
};

// The curve for these formats. Sources and destinations may be the same. Whatever an engine may have put into the map, even
// what is not a number, results stay in the range of their format. Up to kExpandSlack floats behind map rows are read.
struct FrameKernels {
    // One row of the curve map (map width, map channels) times `strength` -> map channels rows (width): a plane for each.
    // Up to kExpandSlack floats behind the last one may be overwritten.
    void (*expand_planes)(const float *map, int map_channels, const Expansion &expansion, float strength,
                          float *output);

    // `count` 16-bit values; the map rows are interleaved as the values are.
    void (*curve16_row)(const uint16_t *source, const MapRows &map, int count, uint16_t *destination);

    // A row of YUV pixels; the map rows are planes. Writes the luma. `differences` (2, ceil(width / 2)) receives, for each
    // chroma sample, the sums of blue - luma and red - luma over its pixels of this row, or, where `add` is set, these are
    // added to what is there.
    void (*curve_yuv_row)(const YuvRow &source, const YuvMatrix &matrix, const MapRows &map, int width, uint8_t *luma,
                          float *differences, bool add);

    // The chroma of `rows` (1 or 2) rows from such sums. Writes to u and v of the destination.
    void (*chroma_row)(const float *differences, const YuvMatrix &matrix, int width, int rows, const YuvRow &destination);

    // A row of YUV pixels -> 8-bit red, green and blue; alpha becomes 255. The map rows are planes.
    void (*curve_yuv_to_rgb_row)(const YuvRow &source, const YuvMatrix &matrix, const MapRows &map, int width,
                                 PixelLayout layout, uint8_t *destination);
};

// Those of the same instruction set as `kernels`.
const FrameKernels &frame_kernels_of(const Kernels &kernels);

}  // namespace dce

#endif
