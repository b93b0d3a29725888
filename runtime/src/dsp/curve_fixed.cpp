#include "dsp/curve_fixed.h"

#include <math.h>
#include <string.h>

namespace dce {
namespace {

constexpr float kOne = 32768.0f;

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
        const long weight = lrintf(upsample_at(x, size, low).weight * kOne);
        for (int c = 0; c < channels; ++c) *weights++ = static_cast<int16_t>(weight < 32767 ? weight : 32767);
    }
    for (int i = 0; i < kFixedSlack; ++i) *weights++ = 0;
}

int16_t fix_row_weight(float weight) {
    const long fixed = lrintf((2.0f * weight - 1.0f) * kOne);
    return static_cast<int16_t>(fixed < 32767 ? fixed : 32767);
}

}  // namespace dce
