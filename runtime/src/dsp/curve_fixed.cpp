#include "dsp/curve_fixed.h"

#include <math.h>

namespace dce {
namespace {

constexpr float kOne = 32768.0f;

int16_t fix(float value) {
    const float scaled = value * kFixedMap;
    const float largest = floorf(kFixedMap);
    if (!(scaled > -largest)) return scaled <= -largest ? static_cast<int16_t>(-largest) : int16_t{0};
    return static_cast<int16_t>(lrintf(scaled < largest ? scaled : largest));
}

}  // namespace

void fix_map_row(const float *map, int map_channels, int width, PixelLayout layout, float strength, int16_t *output) {
    for (int x = 0; x < width; ++x, map += map_channels, output += kFixedLane) {
        output[3] = 0;
        for (int c = 0; c < 3; ++c) output[layout.position[c]] = fix(map[c] * strength);
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
