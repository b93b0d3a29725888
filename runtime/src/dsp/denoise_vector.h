// DenoiseKernels as plain loops: see blocks.h.
#ifndef DCELITE_DSP_DENOISE_VECTOR_H
#define DCELITE_DSP_DENOISE_VECTOR_H

#include "dsp/blocks.h"
#include "dsp/denoise.h"

namespace dce {
namespace {

constexpr float kLumaStrength = 3.0f, kColorStrength = 12.0f;
constexpr float kSmallest = 1e-6f;  // levels squared
constexpr float kChange = 6.0f, kCertainChange = 12.0f;
constexpr float kPixelChange = 9.0f, kCertainPixelChange = 25.0f;
constexpr int kHalf = kCurveBlock / 2, kQuarter = kCurveBlock / 4;

inline float unit(float value) { return value > 0.0f ? value < 1.0f ? value : 1.0f : 0.0f; }

inline float positive(float value) { return value > 0.0f ? value : 0.0f; }

// Small loops are written out, by recursion: within others, compilers may take them for the ones to make vectors of.
template <int kKnot = 0>
inline __attribute__((always_inline)) float noise_at(const NoiseCurve &noise, float level) {
    if constexpr (kKnot == kNoiseKnots - 1)
        return noise.black;
    else
        return multiply_add(noise.slopes[kKnot], positive(level - kNoiseKnot[kKnot]), noise_at<kKnot + 1>(noise, level));
}

// What differs from the center of a window of 3 x 3, of one row: sums of it, and of its squares.
struct Moments {
    float sum, squares;
};
inline __attribute__((always_inline)) Moments moments(const float *row, int i, float center) {
    const float a = row[i - 1] - center, b = row[i] - center, c = row[i + 1] - center;
    return {a + b + c, multiply_add(a, a, multiply_add(b, b, c * c))};
}

__attribute__((noinline)) void load_bytes(const uint8_t *source, PixelLayout layout, int first, int count,
                                          float (*rgb)[kCurveBlock]) {
    alignas(64) uint8_t rest[4 * kCurveBlock];
    const uint8_t *pixels = source + static_cast<ptrdiff_t>(first) * layout.channels;
    if (count < kCurveBlock)
        pixels = static_cast<uint8_t *>(memcpy(rest, pixels, static_cast<size_t>(count) * layout.channels));
    const bool reversed = layout.position[0] != 0;
    float *__restrict one = rgb[reversed ? 2 : 0], *__restrict two = rgb[1], *__restrict three = rgb[reversed ? 0 : 2];
    if (layout.channels == 3)
        for_lanes(count, [&](int i) {
            one[i] = static_cast<float>(pixels[3 * i]);
            two[i] = static_cast<float>(pixels[3 * i + 1]);
            three[i] = static_cast<float>(pixels[3 * i + 2]);
        });
    else
        for_lanes(count, [&](int i) {
            one[i] = static_cast<float>(pixels[4 * i]);
            two[i] = static_cast<float>(pixels[4 * i + 1]);
            three[i] = static_cast<float>(pixels[4 * i + 2]);
        });
}

__attribute__((noinline)) void load_words(const uint16_t *source, int first, int count, float (*rgb)[kCurveBlock]) {
    alignas(64) uint16_t rest[3 * kCurveBlock];
    const uint16_t *pixels = source + 3 * static_cast<ptrdiff_t>(first);
    if (count < kCurveBlock)
        pixels = static_cast<uint16_t *>(memcpy(rest, pixels, 3 * sizeof(uint16_t) * static_cast<size_t>(count)));
    for_lanes(count, [&](int i) {
        rgb[0][i] = static_cast<float>(pixels[3 * i]) * (1.0f / 257.0f);
        rgb[1][i] = static_cast<float>(pixels[3 * i + 1]) * (1.0f / 257.0f);
        rgb[2][i] = static_cast<float>(pixels[3 * i + 2]) * (1.0f / 257.0f);
    });
}

__attribute__((noinline)) void load_kept(const KeptRow *source, ptrdiff_t width, int first, int count,
                                         float (*rgb)[kCurveBlock]) {
    for (int c = 0; c < 3; ++c) {
        alignas(64) KeptRow steps[kCurveBlock];
        memcpy(steps, source + c * width + first, sizeof(KeptRow) * static_cast<size_t>(count));
        float *values = rgb[c];
        for_lanes(count, [&](int i) { values[i] = static_cast<float>(steps[i]) * (1.0f / kKeptSteps); });
    }
}

void repeat_last(Block *block, int count) {
    for (float *values : block->rgb)
        for (int i = count; i % kCell != 0; ++i) values[i] = values[count - 1];
}

// In levels; up to a multiple of kCell, the last pixel is repeated.
void load_levels(const PixelSource &source, const PixelRow &row, int width, int first, int count, Block *block) {
    if (source.kind == PixelKind::kBytes) {
        load_bytes(static_cast<const uint8_t *>(row.pixels), source.layout, first, count, block->rgb);
    } else if (source.kind == PixelKind::kWords) {
        load_words(static_cast<const uint16_t *>(row.pixels), first, count, block->rgb);
    } else if (source.kind == PixelKind::kKept) {
        load_kept(static_cast<const KeptRow *>(row.pixels), width, first, count, block->rgb);
    } else {
        load_yuv(row.yuv, source.matrix, first, count, block);
        for (float *values : block->rgb) for_lanes(count, [=](int i) { values[i] *= 255.0f; });
    }
    repeat_last(block, count);
}

// ---- sums of cells ----

// The cells of kCell blocks of `count` pixels, of which the first one is the pixel `first` of the row.
__attribute__((noinline)) void sum_cells(const Block *blocks, int first, int count, const CellRows &cells) {
    alignas(64) float luma[kHalf], red[kHalf], blue[kHalf];
    const int halves = (count + 1) / 2, quarters = (count + kCell - 1) / kCell;
    for (int pair = 0; pair < 2; ++pair) {
        const Block &a = blocks[2 * pair], &b = blocks[2 * pair + 1];
        float *output = cells.luma[pair] + first / 2;
        for_lanes(halves, [&](int i) {
            const float r = a.rgb[0][2 * i] + a.rgb[0][2 * i + 1] + b.rgb[0][2 * i] + b.rgb[0][2 * i + 1];
            const float g = a.rgb[1][2 * i] + a.rgb[1][2 * i + 1] + b.rgb[1][2 * i] + b.rgb[1][2 * i + 1];
            const float l = a.rgb[2][2 * i] + a.rgb[2][2 * i + 1] + b.rgb[2][2 * i] + b.rgb[2][2 * i + 1];
            const float sum = r + g + l;
            output[i] = sum;
            luma[i] = pair ? luma[i] + sum : sum;
            red[i] = pair ? red[i] + r : r;
            blue[i] = pair ? blue[i] + l : l;
        });
    }
    for (float *row : cells.luma) row[first / 2 + halves] = row[first / 2 + halves - 1];
    float *of_red = cells.red + first / kCell, *of_blue = cells.blue + first / kCell;
    for_lanes<16>(quarters, [&](int i) {
        const float sum = luma[2 * i] + luma[2 * i + 1];
        of_red[i] = 3.0f * (red[2 * i] + red[2 * i + 1]) - sum;
        of_blue[i] = 3.0f * (blue[2 * i] + blue[2 * i + 1]) - sum;
    });
}

void repeat_ends(float *row, int count) {
    row[-1] = row[0];
    row[count] = row[count - 1];
}

void repeat_ends(const CellRows &cells, int width) {
    for (float *luma : cells.luma) repeat_ends(luma, (width + 1) / 2);
    repeat_ends(cells.red, (width + kCell - 1) / kCell);
    repeat_ends(cells.blue, (width + kCell - 1) / kCell);
}

// ---- frames of a video ----

// The blocks become the mean of themselves and of what is kept, as far as they show the same. Their sums are known.
__attribute__((noinline)) void blend(Block *blocks, const KeptRows &kept, int width, int first, int count) {
    Block before[kCell];
    for (int r = 0; r < kCell; ++r) {
        load_kept(kept.row[r], width, first, count, before[r].rgb);
        repeat_last(&before[r], count);
    }
    alignas(64) float sums[2][kHalf + kCellSlack], reds[kQuarter + kCellSlack], blues[kQuarter + kCellSlack];
    sum_cells(before, 0, count, {{sums[0], sums[1]}, reds, blues});
    const float *top = kept.before.luma[0] + first / 2, *bottom = kept.before.luma[1] + first / 2;
    const float *red = kept.before.red + first / kCell, *blue = kept.before.blue + first / kCell;
    const NoiseCurve luma_noise = kept.luma, color_noise = kept.colors;
    const float smallest_gain = kept.smallest_gain;
    const int quarters = (count + kCell - 1) / kCell;
    alignas(64) float remaining[kQuarter] = {}, gains[kQuarter], scales[kQuarter];
    memcpy(remaining, kept.remaining + first / kCell, sizeof(float) * static_cast<size_t>(quarters));
    for_lanes<16>(quarters, [&](int i) {
        const float sum = top[2 * i] + top[2 * i + 1] + bottom[2 * i] + bottom[2 * i + 1];
        const float then = sums[0][2 * i] + sums[0][2 * i + 1] + sums[1][2 * i] + sums[1][2 * i + 1];
        const float level = sum * (1.0f / 48.0f), luma = (sum - then) * (1.0f / 48.0f);
        const float r = (red[i] - reds[i]) * (1.0f / 48.0f), b = (blue[i] - blues[i]) * (1.0f / 48.0f);
        const float left = remaining[i], both = 1.0f + left;
        const float of_luma = positive(noise_at(luma_noise, level)) * both + kSmallest;
        const float of_colors = positive(noise_at(color_noise, level)) * both + kSmallest;
        const float changed = 4.0f * luma * luma / of_luma + 2.0f * (r * (r + b) + b * b) / of_colors;
        const float usual = left / both, least = usual > smallest_gain ? usual : smallest_gain;
        const float gain = least + (1.0f - least) * unit((changed - kChange) * (1.0f / (kCertainChange - kChange)));
        remaining[i] = gain * gain + (1.0f - gain) * (1.0f - gain) * left;
        gains[i] = gain;
        scales[i] = 1.0f / (36.0f * of_luma);
    });
    memcpy(kept.remaining + first / kCell, remaining, sizeof(float) * static_cast<size_t>(quarters));
    alignas(64) float gain[kCurveBlock], scale[kCurveBlock];
    for (int i = 0; i < kCell * quarters; ++i) {
        gain[i] = gains[i / kCell];
        scale[i] = scales[i / kCell];
    }
    for (int r = 0; r < kCell; ++r) {
        Block &now = blocks[r], &then = before[r];
        for_lanes(count, [&](int i) {
            const float red_change = now.rgb[0][i] - then.rgb[0][i];
            const float green_change = now.rgb[1][i] - then.rgb[1][i];
            const float blue_change = now.rgb[2][i] - then.rgb[2][i];
            const float sum = red_change + green_change + blue_change;
            const float moved = unit((sum * sum * scale[i] - kPixelChange) * (1.0f / (kCertainPixelChange - kPixelChange)));
            const float weight = gain[i] + (1.0f - gain[i]) * moved;
            now.rgb[0][i] = then.rgb[0][i] + weight * red_change;
            now.rgb[1][i] = then.rgb[1][i] + weight * green_change;
            now.rgb[2][i] = then.rgb[2][i] + weight * blue_change;
        });
    }
}

// The blocks become what is kept of them.
__attribute__((noinline)) void keep(Block *blocks, const KeptRows &kept, int width, int first, int count) {
    for (int r = 0; r < kCell; ++r)
        for (int c = 0; c < 3; ++c) {
            alignas(64) KeptRow steps[kCurveBlock];
            float *values = blocks[r].rgb[c];
            for_lanes(count, [&](int i) {
                // Rounds down below zero, too: what is added makes all of them positive.
                const float step = values[i] * kKeptSteps + 32768.5f;
                const int rounded = static_cast<int>(step > 0.0f ? step < 65535.0f ? step : 65535.0f : 0.0f) - 32768;
                steps[i] = static_cast<KeptRow>(rounded);
                values[i] = static_cast<float>(rounded) * (1.0f / kKeptSteps);
            });
            memcpy(kept.row[r] + static_cast<ptrdiff_t>(c) * width + first, steps,
                   sizeof(KeptRow) * static_cast<size_t>(count));
        }
    for (int r = 0; r < kCell; ++r) repeat_last(&blocks[r], count);
}

void survey(const PixelSource &source, const PixelRow *rows, int width, const CellRows &cells, const KeptRows *kept) {
    Block blocks[kCell];
    for (int first = 0; first < width; first += kCurveBlock) {
        const int count = smaller(width - first, kCurveBlock);
        for (int r = 0; r < kCell; ++r) load_levels(source, rows[r], width, first, count, &blocks[r]);
        if (kept) {
            sum_cells(blocks, first, count, kept->before);
            if (kept->remaining) blend(blocks, *kept, width, first, count);
            keep(blocks, *kept, width, first, count);
        }
        sum_cells(blocks, first, count, cells);
    }
    repeat_ends(cells, width);
    if (kept) repeat_ends(kept->before, width);
}

// ---- shares of noise ----

void luma_shares(const float *const *luma, int count, const NoiseCurve &given, const float *remaining, float amount,
                 float *share, float *mean) {
    const NoiseCurve noise = given;
    const float *above = luma[0], *at = luma[1], *below = luma[2];
    for_lanes(count, [=](int i) {
        const float center = at[i];
        const Moments a = moments(above, i, center), b = moments(at, i, center), c = moments(below, i, center);
        const float sum = (a.sum + b.sum + c.sum) * (1.0f / 9.0f);
        const float variance = ((a.squares + b.squares + c.squares) * (1.0f / 9.0f) - sum * sum) * (1.0f / 144.0f);
        const float level = (center + sum) * (1.0f / 12.0f);
        const float e = kLumaStrength * remaining[i] * positive(noise_at(noise, level)) + kSmallest;
        const float part = amount * e / (positive(variance) + e);
        share[i] = part;
        mean[i] = part * level;
    });
}

// The same of red and blue; the squares are half of those of the three colors, whose sum is zero.
struct ColorMoments {
    float red, blue, squares;
};
inline __attribute__((always_inline)) ColorMoments color_moments(const float *red, const float *blue, int i, float r, float b) {
    const float r1 = red[i - 1] - r, r2 = red[i] - r, r3 = red[i + 1] - r;
    const float b1 = blue[i - 1] - b, b2 = blue[i] - b, b3 = blue[i + 1] - b;
    return {r1 + r2 + r3, b1 + b2 + b3, r1 * (r1 + b1) + b1 * b1 + r2 * (r2 + b2) + b2 * b2 + r3 * (r3 + b3) + b3 * b3};
}

void color_shares(const float *const *red, const float *const *blue, const float *const *luma, int count,
                  const NoiseCurve &given, const float *remaining, float amount, float *shares, ptrdiff_t stride) {
    const NoiseCurve noise = given;
    float *of_red = shares + stride, *of_blue = shares + 2 * stride;
    const float *top = luma[0], *bottom = luma[1];
    const float *red_above = red[0], *red_at = red[1], *red_below = red[2];
    const float *blue_above = blue[0], *blue_at = blue[1], *blue_below = blue[2];
    for_lanes<16>(count, [=](int i) {
        const float r = red_at[i], b = blue_at[i];
        const ColorMoments above = color_moments(red_above, blue_above, i, r, b), at = color_moments(red_at, blue_at, i, r, b),
                           below = color_moments(red_below, blue_below, i, r, b);
        const float red_sum = (above.red + at.red + below.red) * (1.0f / 9.0f);
        const float blue_sum = (above.blue + at.blue + below.blue) * (1.0f / 9.0f);
        const float squares = (above.squares + at.squares + below.squares) * (1.0f / 9.0f);
        const float variance =
            (squares - red_sum * red_sum - blue_sum * blue_sum - red_sum * blue_sum) * (2.0f / (48.0f * 48.0f));
        const float level = (top[2 * i] + top[2 * i + 1] + bottom[2 * i] + bottom[2 * i + 1]) * (1.0f / 48.0f);
        const float e = kColorStrength * remaining[i] * positive(noise_at(noise, level)) + kSmallest;
        const float part = amount * e / (positive(variance) + e);
        shares[i] = part;
        of_red[i] = part * (r + red_sum) * (1.0f / 48.0f);
        of_blue[i] = part * (b + blue_sum) * (1.0f / 48.0f);
    });
    for (int k = 0; k < 3; ++k) repeat_ends(shares + k * stride, count);
}

void combine(const float *share, const float *mean, const float *near, const float *far, ptrdiff_t color_stride, int count,
             float *rows, ptrdiff_t stride) {
    float *keep = rows, *luma = rows + stride, *red = luma + stride, *green = red + stride, *blue = green + stride;
    alignas(64) float colors[3][kHalf + 2 * kCurveLanes];  // share, red and blue in cells of 2 x 2
    for (int first = 0; first < count; first += kHalf) {
        const int cells = smaller(count - first, kHalf);
        for (int k = 0; k < 3; ++k) {
            const float *a = near + k * color_stride + first / 2, *b = far + k * color_stride + first / 2;
            float *output = colors[k];
            for_lanes((cells + 1) / 2, [=](int i) {
                const float left = 0.75f * a[i - 1] + 0.25f * b[i - 1];
                const float center = 0.75f * a[i] + 0.25f * b[i];
                const float right = 0.75f * a[i + 1] + 0.25f * b[i + 1];
                output[2 * i] = 0.75f * center + 0.25f * left;
                output[2 * i + 1] = 0.75f * center + 0.25f * right;
            });
        }
        for_lanes(cells, [&](int k) {
            const int i = first + k;
            const float of_red = colors[1][k], of_blue = colors[2][k];
            keep[i] = (1.0f - colors[0][k]) * (1.0f / 255.0f);
            luma[i] = (colors[0][k] - share[i]) * (1.0f / 765.0f);
            red[i] = (mean[i] + of_red) * (1.0f / 255.0f);
            green[i] = (mean[i] - of_red - of_blue) * (1.0f / 255.0f);
            blue[i] = (mean[i] + of_blue) * (1.0f / 255.0f);
        });
    }
    for (int k = 0; k < 5; ++k) repeat_ends(rows + k * stride, count);
}

void denoise_row(const PixelSource &source, const PixelRow &row, int width, const ShareRows &shares, float *planes,
                 ptrdiff_t stride) {
    Block block;
    alignas(64) float lerped[5][kHalf + 3 * kCurveLanes];
    for (int first = 0; first < width; first += kCurveBlock) {
        const int count = smaller(width - first, kCurveBlock), halves = (count + 1) / 2;
        load_levels(source, row, width, first, count, &block);
        for (int k = 0; k < 5; ++k) {
            const float *near = shares.near + k * shares.stride + first / 2 - 1;
            const float *far = shares.far + k * shares.stride + first / 2 - 1;
            float *output = lerped[k];
            for_lanes(halves + 2, [=](int i) { output[i] = 0.75f * near[i] + 0.25f * far[i]; });
        }
        alignas(64) float pixels[5][kCurveBlock + 2 * kCurveLanes];
        for (int k = 0; k < 5; ++k) {
            const float *input = lerped[k] + 1;
            float *output = pixels[k];
            for_lanes(halves, [=](int i) {
                output[2 * i] = 0.75f * input[i] + 0.25f * input[i - 1];
                output[2 * i + 1] = 0.75f * input[i] + 0.25f * input[i + 1];
            });
        }
        const float *__restrict keep = pixels[0], *__restrict luma = pixels[1];
        float *__restrict red = planes + first, *__restrict green = red + stride, *__restrict blue = green + stride;
        for_lanes(count, [&](int i) {
            const float r = block.rgb[0][i], g = block.rgb[1][i], b = block.rgb[2][i];
            const float of_luma = luma[i] * (r + g + b);
            red[i] = multiply_add(keep[i], r, of_luma + pixels[2][i]);
            green[i] = multiply_add(keep[i], g, of_luma + pixels[3][i]);
            blue[i] = multiply_add(keep[i], b, of_luma + pixels[4][i]);
        });
    }
}

}  // namespace

namespace DCE_SET {
extern const DenoiseKernels kDenoise = {survey, luma_shares, color_shares, combine, denoise_row};
}

}  // namespace dce

#endif
