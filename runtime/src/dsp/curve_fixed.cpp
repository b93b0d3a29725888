#include "dsp/curve_fixed.h"

#include <math.h>
#include <string.h>

namespace dce {
namespace {

constexpr int kOne = 1 << 15;

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

}  // namespace dce
