// The specification of ByteCurveKernels: plain loops, written so that a compiler can vectorize the inner one.
#include <string.h>

#include "dsp/curve.h"
#include "dsp/multiply_add.h"

namespace dce {
namespace {

void expand_row(const float *map, int map_channels, const Expansion &expansion, PixelLayout layout, float strength,
                float *output) {
    for (int first = 0; first < map_channels; first += 3, output += static_cast<size_t>(expansion.width) * layout.channels)
        for (int r = 0; r < expansion.count; ++r) {
            const Run &run = expansion.runs[r];
            const float *left = map + static_cast<size_t>(run.first) * map_channels + first;
            const float *right = map + static_cast<size_t>(run.second) * map_channels + first;
            for (int x = run.begin; x < run.end; ++x) {
                float *pixel = output + static_cast<size_t>(x) * layout.channels;
                if (layout.channels == 4) pixel[3] = 0.0f;
                for (int c = 0; c < 3; ++c) {
                    const float difference = (right[c] - left[c]) * strength;
                    const float start = multiply_add(difference, run.weight, left[c] * strength);
                    pixel[layout.position[c]] =
                        multiply_add(static_cast<float>(x - run.begin), difference * expansion.slope, start);
                }
            }
        }
}

constexpr int kCurveBlock = 16;  // values that go through the iterations together, so that a compiler can vectorize them

// x <- x + a (x^2 - x), on x = value / 255 (Zero-DCE, equation 3, with the published sign of a). On y = 255 (x - 1/2) that is
// y <- y + a / 255 (y^2 - 127.5^2): with a / 255 in the map, bytes need no factor on the way in and out.
void curve_block(const uint8_t *source, const MapRows &map, ptrdiff_t first, ptrdiff_t stride, uint8_t *destination) {
    float y[kCurveBlock], a[kCurveBlock] = {};
    for (int i = 0; i < kCurveBlock; ++i) y[i] = source[i] - 127.5f;
    for (int n = 0; n < DCE_ITERATIONS; ++n) {
        if (n < map.maps) {
            const float *from = map.above + first + n * stride, *to = map.below + first + n * stride;
            for (int i = 0; i < kCurveBlock; ++i) a[i] = multiply_add(map.weight, to[i] - from[i], from[i]);
        }
        for (int i = 0; i < kCurveBlock; ++i) y[i] = multiply_add(a[i], multiply_add(y[i], y[i], -127.5f * 127.5f), y[i]);
    }
    for (int i = 0; i < kCurveBlock; ++i) {
        const float rounded = y[i] + 128.0f;
        destination[i] = static_cast<uint8_t>(rounded > 0.0f ? (rounded < 255.0f ? rounded : 255.0f) : 0.0f);
    }
}

void curve_row(const uint8_t *source, const MapRows &map, int count, uint8_t *destination) {
    int i = 0;
    for (; i + kCurveBlock <= count; i += kCurveBlock)
        curve_block(source + i, map, i, count, destination + i);
    if (i == count) return;
    // The rest as one more block, whose bytes stand in a buffer.
    uint8_t values[kCurveBlock] = {};
    const size_t rest = static_cast<size_t>(count - i);
    memcpy(values, source + i, rest);
    curve_block(values, map, i, count, values);
    memcpy(destination + i, values, rest);
}

}  // namespace

namespace scalar {
extern const ByteCurveKernels kCurveBytes = {false, expand_row, curve_row};
}

}  // namespace dce
