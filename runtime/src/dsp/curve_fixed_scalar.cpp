// The specification of FixedCurveKernels, and what all instruction sets have in common.
#include <math.h>
#include <string.h>

#include "dsp/curve_fixed.h"

namespace dce {
namespace {

constexpr int kOne = 1 << 15;

int multiply(int a, int b) { return (a * b + kOne / 2) >> 15; }

void expand_row(const int16_t *map, const FixedExpansion &expansion, int channels, int16_t *output) {
    for (int r = 0; r < expansion.along.count; ++r) {
        const Run &run = expansion.along.runs[r];
        const int16_t *left = map + static_cast<ptrdiff_t>(run.first) * kFixedLane;
        const int16_t *right = map + static_cast<ptrdiff_t>(run.second) * kFixedLane;
        for (int x = run.begin; x < run.end; ++x)
            for (int c = 0; c < channels; ++c) {
                const ptrdiff_t i = static_cast<ptrdiff_t>(x) * channels + c;
                output[i] = static_cast<int16_t>(left[c] + multiply(right[c] - left[c], expansion.weights[i]));
            }
    }
}

void combine_rows(const int16_t *above, const int16_t *below, int count, int16_t *sum, int16_t *difference) {
    for (int i = 0; i < count; ++i) {
        sum[i] = static_cast<int16_t>(above[i] + below[i]);
        difference[i] = static_cast<int16_t>(below[i] - above[i]);
    }
}

int curve(int y, const FixedMapRows &map, ptrdiff_t i, ptrdiff_t stride) {
    int a = 0;
    for (int n = 0; n < DCE_ITERATIONS; ++n) {
        const ptrdiff_t k = n * stride + i;
        if (n < map.maps) a = map.sum[k] + multiply(map.difference[k], map.weight);
        y += multiply(a, multiply(y, y) - kFixedQuarter);
    }
    return (y + kOne) >> 8;
}

void curve_row(const uint8_t *source, const FixedMapRows &map, int count, uint8_t *destination) {
    for (int i = 0; i < count; ++i) destination[i] = static_cast<uint8_t>(curve(256 * source[i] - 32640, map, i, count));
}

int wrap(int value) { return static_cast<int16_t>(static_cast<uint16_t>(value)); }

int saturate(int value) { return value < -kOne ? -kOne : value >= kOne ? kOne - 1 : value; }

int centered(int first, int second) {
    const int y = saturate(first + second);
    return y < -32640 ? -32640 : y > 32640 ? 32640 : y;
}

void yuv_to_rgb_row(const YuvRow &source, const FixedMatrix &matrix, const FixedMapRows &map, int width, PixelLayout layout,
                    uint8_t *destination) {
    for (int x = 0; x < width; ++x, destination += layout.channels) {
        const int luma = 256 * (source.luma[x] - 128);
        const int u = 256 * (source.u[x / 2 * source.step] - 128), v = 256 * (source.v[x / 2 * source.step] - 128);
        const int half = multiply(luma, matrix.luma_half) + matrix.luma_half_offset;
        const int rest = wrap(luma + multiply(luma, matrix.luma_rest) + matrix.luma_offset - half);
        const int red = multiply(v, matrix.red_half), red_rest = wrap(v + multiply(v, matrix.red_rest) - red);
        const int green = multiply(u, matrix.green_u_half) + multiply(v, matrix.green_v_half);
        const int green_rest = wrap(multiply(u, matrix.green_u) + multiply(v, matrix.green_v) - green);
        const int blue = multiply(u, matrix.blue_part), blue_rest = wrap(2 * u + multiply(u, matrix.blue_rest) - 2 * blue);
        const int y[3] = {centered(saturate(half + red), saturate(rest + red_rest)),
                          centered(saturate(half + green), saturate(rest + green_rest)),
                          centered(saturate(half + blue), saturate(saturate(rest + blue) + blue_rest))};
        for (int c = 0; c < 3; ++c)
            destination[layout.position[c]] =
                static_cast<uint8_t>(curve(y[c], map, static_cast<ptrdiff_t>(c) * width + x, 3 * static_cast<ptrdiff_t>(width)));
        if (layout.channels == 4) destination[3] = 255;
    }
}

typedef float Pixel __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));
typedef int16_t Shorts __attribute__((vector_size(8)));

// To the nearest integers, ties to even, by adding 1.5 * 2^23.
Shorts fix(Pixel map) {
    constexpr float kLargest = 8224.0f, kRound = 12582912.0f;  // kFixedMap, rounded down
    const Pixel zero = {}, least = zero - kLargest, most = zero + kLargest;
    Pixel value = map == map ? map * kFixedMap : zero;
    value = value > least ? value : least;
    value = value < most ? value : most;
    return __builtin_convertvector(__builtin_convertvector(value + kRound - kRound, Ints), Shorts);
}

}  // namespace

void fix_map_row(const float *map, int map_channels, int width, PixelLayout layout, float strength, int16_t *output) {
    const int red = layout.position[0];
    for (int x = 0; x < width; ++x, map += map_channels, output += kFixedLane) {
        const Shorts pixel = fix(Pixel{map[red], map[1], map[2 - red], 0.0f} * strength);
        memcpy(output, &pixel, sizeof pixel);
    }
}

void fix_weights(int size, int low, int channels, int16_t *weights) {
    for (int x = 0; x < size; ++x) {
        const long weight = lrintf(upsample_at(x, size, low).weight * static_cast<float>(kOne));
        for (int c = 0; c < channels; ++c) *weights++ = static_cast<int16_t>(weight < kOne ? weight : kOne - 1);
    }
    for (int i = 0; i < kFixedSlack; ++i) *weights++ = 0;
}

FixedMatrix fix_matrix(const YuvMatrix &matrix) {
    const auto fix_number = [](float value) {
        const long fixed = lrintf(value * static_cast<float>(kOne));
        return static_cast<int16_t>(fixed < kOne ? fixed : kOne - 1);
    };
    const float luma = 255.0f * matrix.luma_scale, red = 255.0f * matrix.red_v, blue = 255.0f * matrix.blue_u;
    const float green_u = 255.0f * matrix.green_u, green_v = 255.0f * matrix.green_v;
    const float offset = luma * (128.0f - matrix.luma_offset) - 127.5f;
    FixedMatrix result;
    result.luma_half = fix_number(0.5f * luma);
    result.luma_rest = fix_number(luma - 1.0f);
    result.luma_half_offset = static_cast<int16_t>(lrintf(128.0f * offset));
    result.luma_offset = static_cast<int16_t>(lrintf(256.0f * offset));
    result.red_half = fix_number(0.5f * red);
    result.red_rest = fix_number(red - 1.0f);
    result.green_u_half = fix_number(0.5f * green_u);
    result.green_v_half = fix_number(0.5f * green_v);
    result.green_u = fix_number(green_u);
    result.green_v = fix_number(green_v);
    result.blue_part = fix_number(0.4f * blue);
    result.blue_rest = fix_number(blue - 2.0f);
    return result;
}

int16_t fix_row_weight(float weight) {
    const long fixed = lrintf((2.0f * weight - 1.0f) * static_cast<float>(kOne));
    return static_cast<int16_t>(fixed < kOne ? fixed : kOne - 1);
}

namespace scalar {
extern const FixedCurveKernels kCurveFixed = {expand_row, combine_rows, curve_row, yuv_to_rgb_row};
}

}  // namespace dce
