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

void curve_row(const uint8_t *source, const FixedMapRows &map, int count, uint8_t *destination) {
    for (int i = 0; i < count; ++i) {
        int y = 256 * source[i] - 32640, a = 0;
        for (int n = 0; n < DCE_ITERATIONS; ++n) {
            const ptrdiff_t k = static_cast<ptrdiff_t>(n) * count + i;
            if (n < map.maps) a = map.sum[k] + multiply(map.difference[k], map.weight);
            y += multiply(a, multiply(y, y) - kFixedQuarter);
        }
        destination[i] = static_cast<uint8_t>((y + kOne) >> 8);
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

int16_t fix_row_weight(float weight) {
    const long fixed = lrintf((2.0f * weight - 1.0f) * static_cast<float>(kOne));
    return static_cast<int16_t>(fixed < kOne ? fixed : kOne - 1);
}

namespace scalar {
extern const FixedCurveKernels kCurveFixed = {expand_row, combine_rows, curve_row};
}

}  // namespace dce
