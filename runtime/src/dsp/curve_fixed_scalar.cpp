// The specification of FixedCurveKernels.
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

}  // namespace

namespace scalar {
extern const FixedCurveKernels kCurveFixed = {expand_row, combine_rows, curve_row};
}

}  // namespace dce
