// Kernels of the curve: rows of the curve map are expanded to the width of the image, and rows of the image go through the
// eight iterations with the map between two of them. Sources and destinations may be the same. Whatever an engine may have
// put into the map, even what is not a number, results stay in the range of their format.
//
// 8-bit interleaved pixels stay bytes until they are in registers; those of the other formats become floats first.
#ifndef DCELITE_DSP_CURVE_H
#define DCELITE_DSP_CURVE_H

#include <stddef.h>
#include <stdint.h>

#include "dcelite.h"
#include "dsp/resize.h"

namespace dce {

// Order of the channels in memory.
struct PixelLayout {
    int channels;    // values a pixel: 3 or 4; the fourth is alpha
    int position[3]; // of red, green and blue within a pixel
};

// Samples of YUV: bytes, or words of 16 bits, of which 10 are used.
struct Samples {
    bool are_words;
    int shift;  // of a word's bits: those below are no part of the sample, and zero where it is written

    int bits() const { return are_words ? 10 : 8; }
    int bytes() const { return are_words ? 2 : 1; }
    int code(uint8_t byte) const { return byte; }
    int code(uint16_t word) const { return word >> shift < 1023 ? word >> shift : 1023; }
};
constexpr Samples kByteSamples = {false, 0};

// YUV with 2 x 2 subsampled chroma: a row of luma, and the row of chroma that covers it.
struct YuvRow {
    uint8_t *luma;  // the first byte of the first sample
    uint8_t *u, *v;
    int step;  // samples from one of chroma to the next
    Samples samples = kByteSamples;
};

// R'G'B' in 0 … 1 from codes, and back: red = luma_scale (Y - luma_offset) + red_v (V - chroma_offset), and so on.
struct YuvMatrix {
    float luma_scale, luma_offset, chroma_offset;
    float red_v, green_u, green_v, blue_u;
    float weights[3];        // of red, green and blue in luma
    float luma_codes;        // 1 / luma_scale
    float u_codes, v_codes;  // of blue - luma and red - luma
    float largest;           // code
    float white = 1.0f;      // R'G'B' that is 1 here
};

// The coefficients of a dce_matrix for samples of 8 or 10 bits; `one`: to 0 … one instead.
YuvMatrix yuv_matrix(int matrix, int bits = 8, double one = 1.0);

// A row of pixels on its way to the curve: planes of red, green and blue, 0 … 1, `stride` floats apart, which are overwritten
// with what comes out of it, and up to kExpandSlack floats behind; null: 16-bit values, interleaved; these null, too: YUV.
struct PixelPlanes {
    float *planes;
    ptrdiff_t stride;
    const uint16_t *words;
    int channels;  // of words: 3 or 4
    YuvRow yuv;
    YuvMatrix matrix;  // of YUV, the destination's too
};

// What the curve needs to know for a row of the image: the expanded rows of the map around it. Each holds `maps` rows of as
// many values as the row of the image has, and up to kExpandSlack floats behind them are read.
struct MapRows {
    const float *above;
    const float *below;
    float weight;  // of the one below
    int maps;      // 1 or DCE_ITERATIONS, one after the other in each row
    bool are_split = false;  // three planes for pixels of four bytes, see ByteCurveKernels
};

constexpr int kExpandSlack = 192;  // floats behind expanded rows, which may be read and overwritten
constexpr float kByteMap = 1.0f / 255.0f;

struct ByteCurveKernels {
    // Of pixels of four bytes, expand_row writes a plane for each of the first three, and nothing for alpha; curve_row, told so by
    // its MapRows, computes three values of four. It pays where shuffles are cheap in comparison, as with short vectors.
    bool splits_pixels;

    // One row of the curve map (map width, map channels) -> map channels / 3 rows (width, layout.channels), one per distinct
    // map, times `strength`, in the order of the image's channels; alpha gets 0, which leaves it as it is.
    void (*expand_row)(const float *map, int map_channels, const Expansion &expansion, PixelLayout layout, float strength,
                       float *output);

    // The curve on one row of `count` 8-bit values; the map is times kByteMap. A map that is not a number gives 0.
    void (*curve_row)(const uint8_t *source, const MapRows &map, int count, uint8_t *destination);
};

struct FloatCurveKernels {
    // One row of the curve map (map width, map channels) times `strength` -> map channels rows (width): a plane for each.
    void (*expand_planes)(const float *map, int map_channels, const Expansion &expansion, float strength, float *output);

    // A row of pixels; the map rows are planes. Writes the luma, of such samples. `differences` (2, ceil(width / 2)) receives,
    // for each chroma sample, the sums of blue - luma and red - luma over its pixels of this row, or, where `add` is set,
    // these are added to what is there.
    void (*curve_to_yuv_row)(const PixelPlanes &source, const MapRows &map, int width, uint8_t *luma, Samples samples,
                             float *differences, bool add);

    // The chroma of `rows` (1 or 2) rows from such sums, behind which up to kExpandSlack floats are read. Writes to u and v of
    // the destination.
    void (*chroma_row)(const float *differences, const YuvMatrix &matrix, int width, int rows, const YuvRow &destination);

    // A row of pixels -> 8-bit red, green and blue; the map rows are planes. Alpha is that of pixels of four bytes, of which
    // `alpha` points to the first, 255 where it is null.
    void (*curve_to_rgb_row)(const PixelPlanes &source, const MapRows &map, int width, PixelLayout layout,
                             const uint8_t *alpha, uint8_t *destination);

    // The same in 16 bits: pixels of 3 or 4 values, red first.
    void (*curve_to_rgb16_row)(const PixelPlanes &source, const MapRows &map, int width, int channels, const uint16_t *alpha,
                               uint16_t *destination);
};

}  // namespace dce

#endif
