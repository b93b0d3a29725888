// The specification of the kernels: plain loops, written so that a compiler can vectorise the inner one.
#include <math.h>
#include <string.h>

#include "kernels.h"
#include "multiply_add.h"

namespace dce {
namespace {

void activate(Activation activation, int count, float *values) {
    if (activation == Activation::kRelu)
        for (int i = 0; i < count; ++i) values[i] = values[i] > 0.0f ? values[i] : 0.0f;
    else
        for (int i = 0; i < count; ++i) values[i] = tanhf(values[i]);
}

// sums (padded outputs) += value x one row of the weights (padded outputs).
void accumulate(const float *weight, float value, int padded_outputs, float *sums) {
    for (int o = 0; o < padded_outputs; ++o) sums[o] += weight[o] * value;
}

void separable_row(const Layer &layer, const LayerInput &input, int width, Activation activation, float *scratch,
                   float *output) {
    const int padded = layer.padded_outputs();
    float *filtered = scratch;                // (inputs)
    float *sums = scratch + 2 * kFilters;     // (padded outputs)
    for (int x = 0; x < width; ++x) {
        memcpy(filtered, layer.depth_bias, sizeof(float) * layer.inputs);
        for (int tap = 0; tap < kTaps; ++tap) {
            const float *weight = layer.depth + tap * layer.inputs;
            float *sum = filtered;
            for (int source = 0; source < 2; ++source) {
                const int channels = input.channels[source];
                if (channels == 0) continue;
                const float *pixel = input.rows[source][tap / 3] + static_cast<ptrdiff_t>(x + tap % 3 - 1) * channels;
                for (int c = 0; c < channels; ++c) sum[c] += weight[c] * pixel[c];
                weight += channels;
                sum += channels;
            }
        }
        memcpy(sums, layer.bias, sizeof(float) * padded);
        for (int i = 0; i < layer.inputs; ++i) accumulate(layer.weight + i * padded, filtered[i], padded, sums);
        activate(activation, layer.outputs, sums);
        memcpy(output + static_cast<size_t>(x) * layer.outputs, sums, sizeof(float) * layer.outputs);
    }
}

void plain_row(const Layer &layer, const LayerInput &input, int width, Activation activation, float *scratch, float *output) {
    const int padded = layer.padded_outputs();
    float *sums = scratch;  // (padded outputs)
    for (int x = 0; x < width; ++x) {
        memcpy(sums, layer.bias, sizeof(float) * padded);
        const float *weight = layer.weight;
        for (int tap = 0; tap < kTaps; ++tap) {
            for (int source = 0; source < 2; ++source) {
                const int channels = input.channels[source];
                if (channels == 0) continue;
                const float *pixel = input.rows[source][tap / 3] + static_cast<ptrdiff_t>(x + tap % 3 - 1) * channels;
                for (int c = 0; c < channels; ++c, weight += padded) accumulate(weight, pixel[c], padded, sums);
            }
        }
        activate(activation, layer.outputs, sums);
        memcpy(output + static_cast<size_t>(x) * layer.outputs, sums, sizeof(float) * layer.outputs);
    }
}

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

constexpr int kCurveBlock = 16;  // values that go through the iterations together, so that a compiler can vectorise them

// x <- x + a (x^2 - x), on x = value / 255 (Zero-DCE, equation 3, with the published sign of a). On y = 255 (x - 1/2) that is
// y <- y + a / 255 (y^2 - 127.5^2): with a / 255 in the map, bytes need no factor on the way in and out.
void curve_block(const uint8_t *source, const float *above, const float *below, float weight, int maps, ptrdiff_t stride,
                 uint8_t *destination) {
    float y[kCurveBlock], a[kCurveBlock] = {};
    for (int i = 0; i < kCurveBlock; ++i) y[i] = source[i] - 127.5f;
    for (int n = 0; n < DCE_ITERATIONS; ++n) {
        if (n < maps) {
            const float *from = above + n * stride, *to = below + n * stride;
            for (int i = 0; i < kCurveBlock; ++i) a[i] = multiply_add(weight, to[i] - from[i], from[i]);
        }
        for (int i = 0; i < kCurveBlock; ++i) y[i] = multiply_add(a[i], multiply_add(y[i], y[i], -127.5f * 127.5f), y[i]);
    }
    for (int i = 0; i < kCurveBlock; ++i) {
        const float rounded = y[i] + 128.0f;
        destination[i] = static_cast<uint8_t>(rounded > 0.0f ? (rounded < 255.0f ? rounded : 255.0f) : 0.0f);
    }
}

void curve_row(const uint8_t *source, const float *above, const float *below, float weight, int maps, int count,
               uint8_t *destination) {
    int i = 0;
    for (; i + kCurveBlock <= count; i += kCurveBlock)
        curve_block(source + i, above + i, below + i, weight, maps, count, destination + i);
    if (i == count) return;
    // The rest as one more block, whose bytes stand in a buffer.
    uint8_t values[kCurveBlock] = {};
    const size_t rest = static_cast<size_t>(count - i);
    memcpy(values, source + i, rest);
    curve_block(values, above + i, below + i, weight, maps, count, values);
    memcpy(destination + i, values, rest);
}

}  // namespace

const Kernels kScalarKernels = {"scalar", separable_row, plain_row, expand_row, curve_row};

}  // namespace dce
