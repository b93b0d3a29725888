// The specification of ConvolutionKernels: plain loops, written so that a compiler can vectorize the inner one.
#include <math.h>
#include <string.h>

#include "dsp/convolution.h"

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

}  // namespace

namespace scalar {
extern const ConvolutionKernels kConvolution = {separable_row, plain_row};
}

}  // namespace dce
