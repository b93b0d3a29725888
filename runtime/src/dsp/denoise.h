// Kernels of the denoising: runtime/python/dcelite/denoising.py says what they compute, and why. A level is 1 / 255 of white.
//
// Sums, not means, are kept of cells of 2 x 2 and 4 x 4 pixels, since those of bytes are exact. Rows of cells have room for
// one before the first and kCellSlack behind the last; the one before and the one behind repeat their neighbors.
#ifndef DCELITE_DSP_DENOISE_H
#define DCELITE_DSP_DENOISE_H

#include "dsp/curve.h"

namespace dce {

constexpr int kCellSlack = 64;  // floats
constexpr int kCell = 4;        // pixels, each way, of the cells of colors

// Of a frame: how its rows become red, green and blue.
enum class PixelKind { kBytes, kWords, kYuv, kKept };
struct PixelSource {
    PixelKind kind;
    PixelLayout layout;  // of bytes and words
    YuvMatrix matrix;    // of YUV, to levels
};
struct PixelRow {
    const void *pixels;  // interleaved bytes or words; of what is kept, KeptRow
    YuvRow yuv;
};

// A row of the frames so far: planes of red, green and blue, in steps of 1 / kKeptSteps of a level.
constexpr float kKeptSteps = 64.0f;
using KeptRow = int16_t;

// The variance of the noise in levels squared: that at black, and how its slope changes at kNoiseKnots.
constexpr int kNoiseKnots = 8;
constexpr float kNoiseKnot[kNoiseKnots] = {0, 4, 8, 16, 32, 64, 128, 255};
struct NoiseCurve {
    float black;
    float slopes[kNoiseKnots - 1];

    static NoiseCurve of(const double *variances);  // at the knots
};

struct CellRows {
    float *luma[2];  // sums of R + G + B over 2 x 2 pixels
    float *red;      // sums of 3 R - (R + G + B) over 4 x 4 pixels; green is what makes the three zero
    float *blue;     // of 3 B - (R + G + B)
};

// What a frame of a video is blended with.
struct KeptRows {
    KeptRow *row[kCell];
    NoiseCurve luma, colors;  // of a frame
    float *remaining;         // share of its noise that is left, for each cell of 4 x 4 pixels; receives the new one. Null:
                              // there were none
    float smallest_gain;      // weight that the frame has at least
    CellRows before;          // receives the sums of the frame as it came
};

// What is noise in half rows of pixels, in cells of 2 x 2: a pixel x with the sum s of its channels, in levels, becomes
// keep x + luma s + (red, green or blue), in 0 … one. Five rows, kept `stride` floats apart.
struct ShareRows {
    const float *near, *far;  // of the cell that a pixel lies in, and of the other one that is next to it
    ptrdiff_t stride;
};

struct DenoiseKernels {
    // The cells of kCell rows, those below the image repeating the last. `kept`, or null: blended with it first.
    void (*survey)(const PixelSource &source, const PixelRow *rows, int width, const CellRows &cells, const KeptRows *kept);

    // The share of noise in each cell, and the share times the mean, in levels, from three rows of cells. `remaining` is
    // that of each cell.
    void (*luma_shares)(const float *const *luma, int count, const NoiseCurve &noise, const float *remaining, float amount,
                        float *share, float *mean);
    // The same of colors: share, red, blue, `stride` floats apart; `luma` are the two rows of cells within this one's.
    void (*color_shares)(const float *const *red, const float *const *blue, const float *const *luma, int count,
                         const NoiseCurve &noise, const float *remaining, float amount, float *shares, ptrdiff_t stride);

    // ShareRows of a row of `count` cells of 2 x 2 from both, those of colors from the row that it lies in and the other one
    // that is next to it.
    void (*combine)(const float *share, const float *mean, const float *near, const float *far, ptrdiff_t color_stride,
                    int count, float one, float *rows, ptrdiff_t stride);

    // A row of pixels -> planes of red, green and blue, 0 … one, `stride` floats apart; kCellSlack behind each are overwritten.
    void (*denoise_row)(const PixelSource &source, const PixelRow &row, int width, const ShareRows &shares, float *planes,
                        ptrdiff_t stride);
};

}  // namespace dce

#endif
