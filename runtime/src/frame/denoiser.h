// Denoising of frames: what is known of a frame's noise, and which share of each place is noise. runtime/python/dcelite/
// denoising.py says what is computed, and why.
//
// A first pass over the source, in strips, leaves the sums of its cells, in a tenth of its memory; the second one, which
// enhances, takes the shares of noise from there row by row. So nothing is read that was written before, in place, too.
#ifndef DCELITE_FRAME_DENOISER_H
#define DCELITE_FRAME_DENOISER_H

#include "dsp/dsp.h"
#include "frame/image.h"
#include "memory.h"

namespace dce {

constexpr int kStripRows = 16;  // rows of the image; blocks that noise is estimated in are as high

// How strong the diagonal details of the blocks are, by the brightness of the block.
struct NoiseCounts {
    static constexpr int kBins = 193;  // by the variance: below 2^-12 levels squared, and eighths of octaves up to 2^12
    uint32_t luma[kNoiseKnots][kBins], colors[kNoiseKnots][kBins];

    void clear();
    void add(const NoiseCounts &other);
};

// What a band needs for its strips.
struct StripMemory {
    Buffer<NoiseCounts> counts;  // one
    Buffer<float> cells;         // of a strip of a frame of a video, as it came
};

class Denoiser {
public:
    Denoiser(const Dsp &dsp, const dce_options &options)
        : dsp_(dsp), amount_(options.denoise), temporal_(options.temporal_denoise), given_(options.noise_level) {}

    bool active() const { return amount_ > 0.0f || over_time(); }
    bool over_time() const { return temporal_ > 0.0f; }
    void set_amount(float amount) { amount_ = amount; }
    void set_over_time(float amount) {
        if (!over_time()) reset();
        temporal_ = amount;
    }
    void reset() { has_history_ = false; }

    // Prepares for a frame, whose R'G'B' `white` is to become 1. False: no memory.
    bool prepare(const dce_image &source, float white);
    bool prepare(StripMemory *memory) const;

    // The first pass: any thread may take a strip. Then finish, with the counts of all.
    int strips() const { return (height_ + kStripRows - 1) / kStripRows; }
    void survey(const dce_image &source, int strip, StripMemory *memory);
    void finish(const NoiseCounts &counts);

    // How rows of the frame become red, green and blue in the second pass.
    const PixelSource &pixels() const { return source_; }
    PixelRow row(const dce_image &source, int y) const;

private:
    friend class ShareStream;

    CellRows cells(float *luma, float *colors, int row) const;
    float *luma_row(int y) { return luma_.data() + y * luma_stride_ + 1; }
    float *color_row(int k, int y) {
        return colors_.data() + (static_cast<ptrdiff_t>(k) * color_height_ + y) * color_stride_ + 1;
    }
    void count(float *const *luma, float *const *red, float *const *blue, NoiseCounts *counts) const;

    const Dsp &dsp_;
    float amount_, temporal_;
    const float given_;        // deviation of the noise in levels; 0: to be estimated
    PixelSource source_ = {};  // of the pass
    double step_ = 1.0;        // of the frame's codes, in levels
    float one_ = 1.0f;         // what R'G'B' of 1 becomes
    int width_ = 0, height_ = 0, luma_width_ = 0, luma_height_ = 0, color_width_ = 0, color_height_ = 0;
    ptrdiff_t luma_stride_ = 0, color_stride_ = 0;
    Buffer<float> luma_, colors_;               // sums of cells: (luma height, stride), (2, color height, stride)
    NoiseCurve of_luma_ = {}, of_colors_ = {};  // of this frame; before finish, of the one before

    bool has_history_ = false;
    Buffer<KeptRow> kept_;               // (height, 3, width)
    Buffer<float> remaining_;            // (color height, color width)
    double known_[2][kNoiseKnots] = {};  // the noise of the frames so far
};

// The shares of noise of rows of pixels, in ascending order: one for each band.
class ShareStream {
public:
    // For rows from `first` on. False: no memory.
    bool start(Denoiser *denoiser, int first);
    ShareRows rows(int y);

    // For DenoiseKernels::denoise_row.
    float *planes() { return planes_.data(); }
    ptrdiff_t plane_stride() const { return plane_stride_; }

private:
    void add_color_row(int y);
    void add_row(int y);

    Denoiser *denoiser_ = nullptr;
    int next_color_row_ = 0, next_row_ = 0;
    ptrdiff_t stride_ = 0, color_stride_ = 0, plane_stride_ = 0;
    Buffer<float> share_, mean_, remaining_, colors_[2], rows_[2], planes_;
};

}  // namespace dce

#endif
