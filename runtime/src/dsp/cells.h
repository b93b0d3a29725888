// The first pass of DenoiseKernels: rows of pixels become sums of cells, those of a video blended with what is kept of the
// frames so far. Plain loops: see blocks.h.
#ifndef DCELITE_DSP_CELLS_H
#define DCELITE_DSP_CELLS_H

#include "dsp/blocks.h"
#include "dsp/denoise.h"

namespace dce {
namespace {

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

__attribute__((noinline)) void load_words(const uint16_t *source, int channels, float unit_of_code, int first, int count,
                                          float (*rgb)[kCurveBlock]) {
    alignas(64) uint16_t rest[4 * kCurveBlock];
    const uint16_t *pixels = source + static_cast<ptrdiff_t>(first) * channels;
    if (count < kCurveBlock)
        pixels = static_cast<uint16_t *>(
            memcpy(rest, pixels, sizeof(uint16_t) * static_cast<size_t>(count) * static_cast<size_t>(channels)));
    if (channels == 3)
        for_lanes(count, [&](int i) {
            rgb[0][i] = static_cast<float>(pixels[3 * i]) * unit_of_code;
            rgb[1][i] = static_cast<float>(pixels[3 * i + 1]) * unit_of_code;
            rgb[2][i] = static_cast<float>(pixels[3 * i + 2]) * unit_of_code;
        });
    else
        for_lanes(count, [&](int i) {
            rgb[0][i] = static_cast<float>(pixels[4 * i]) * unit_of_code;
            rgb[1][i] = static_cast<float>(pixels[4 * i + 1]) * unit_of_code;
            rgb[2][i] = static_cast<float>(pixels[4 * i + 2]) * unit_of_code;
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

__attribute__((noinline)) void repeat_last(Block *block, int count) {
    for (float *values : block->rgb)
        for (int i = count; i % kCell != 0; ++i) values[i] = values[count - 1];
}

// In levels; up to a multiple of kCell, the last pixel is repeated.
void load_levels(const PixelSource &source, const PixelRow &row, int width, int first, int count, Block *block) {
    if (source.kind == PixelKind::kBytes) {
        load_bytes(static_cast<const uint8_t *>(row.pixels), source.layout, first, count, block->rgb);
    } else if (source.kind == PixelKind::kWords) {
        load_words(static_cast<const uint16_t *>(row.pixels), source.layout.channels, 1.0f / 257.0f, first, count,
                   block->rgb);
    } else if (source.kind == PixelKind::kKept) {
        load_kept(static_cast<const KeptRow *>(row.pixels), width, first, count, block->rgb);
    } else {
        load_yuv(row.yuv, source.matrix, first, count, block);
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
    for_lanes(quarters, [&](int i) {
        const float sum = luma[2 * i] + luma[2 * i + 1];
        of_red[i] = 3.0f * (red[2 * i] + red[2 * i + 1]) - sum;
        of_blue[i] = 3.0f * (blue[2 * i] + blue[2 * i + 1]) - sum;
    });
}

__attribute__((noinline)) void repeat_ends(float *row, int count) {
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
    for_lanes(quarters, [&](int i) {
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

}  // namespace
}  // namespace dce

#endif
