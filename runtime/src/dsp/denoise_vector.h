// DenoiseKernels as plain loops: see blocks.h; their first pass is in cells.h.
#ifndef DCELITE_DSP_DENOISE_VECTOR_H
#define DCELITE_DSP_DENOISE_VECTOR_H

#include "dsp/cells.h"

namespace dce {
namespace {

constexpr float kLumaStrength = 3.0f, kColorStrength = 12.0f;

// What differs from the center of a window of 3 x 3, of one row: sums of it, and of its squares.
struct Moments {
    float sum, squares;
};
inline __attribute__((always_inline)) Moments moments(const float *row, int i, float center) {
    const float a = row[i - 1] - center, b = row[i] - center, c = row[i + 1] - center;
    return {a + b + c, multiply_add(a, a, multiply_add(b, b, c * c))};
}

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
    for_lanes(count, [=](int i) {
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
             float one, float *rows, ptrdiff_t stride) {
    const float of_value = one * (1.0f / 255.0f), of_sum = one * (1.0f / 765.0f);
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
            keep[i] = (1.0f - colors[0][k]) * of_value;
            luma[i] = (colors[0][k] - share[i]) * of_sum;
            red[i] = (mean[i] + of_red) * of_value;
            green[i] = (mean[i] - of_red - of_blue) * of_value;
            blue[i] = (mean[i] + of_blue) * of_value;
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
