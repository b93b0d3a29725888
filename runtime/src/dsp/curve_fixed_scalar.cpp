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

}  // namespace

namespace scalar {
extern const FixedCurveKernels kCurveFixed = {expand_row, combine_rows, curve_row, yuv_to_rgb_row};
}

}  // namespace dce
