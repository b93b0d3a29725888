// The specification of Int8Kernels: plain loops.
#include <math.h>
#include <string.h>

#include "dsp/convolution_int8.h"

namespace dce {
namespace {

// Sums without bias are below 64 * 255 * 127 < 2^24: floats hold them exactly, and processors multiply floats faster.
struct Weights {
    float *depth;  // (9, inputs)
    float *point;  // (inputs, padded outputs)
};

Weights unpack(const Int8Layer &layer, uint8_t *scratch) {
    const int padded = layer.padded_outputs();
    float *depth = reinterpret_cast<float *>(scratch);
    float *point = depth + kTaps * layer.inputs;
    for (int tap = 0; tap < kTaps; ++tap)
        for (int c = 0; c < layer.inputs; ++c) {
            const int32_t word = layer.depth[tap / 3 * layer.inputs + c];
            depth[tap * layer.inputs + c] = static_cast<int8_t>(word >> 8 * (tap % 3) & 0xff);
        }
    for (int i = 0; i < layer.inputs; ++i)
        for (int o = 0; o < padded; ++o)
            point[i * padded + o] = static_cast<int8_t>(layer.point[i / 4 * padded + o] >> 8 * (i % 4) & 0xff);
    return {depth, point};
}
static_assert(sizeof(float) * 2 * kFilters * (kTaps + kFilters) <= kInt8ScratchBytes, "the weights fit the scratch");

// The sums with their biases -> 0 … 255. Adding 1.5 * 2^23 rounds to an integer, ties to even.
void requantize(const float *sums, const int32_t *bias, const float *multiplier, int count, float *values) {
    for (int i = 0; i < count; ++i) {
        float value = static_cast<float>(static_cast<int32_t>(sums[i]) + bias[i]) * multiplier[i];
        value = value < 0.0f ? 0.0f : value > 255.0f ? 255.0f : value;
        values[i] = value + 12582912.0f - 12582912.0f;
    }
}

// Depthwise values of pixel x of rows of pairs, (inputs).
void depthwise(const Int8Layer &layer, const float *weights, const Int8Input &input, int x, float *filtered) {
    const ptrdiff_t pair = static_cast<ptrdiff_t>(x / 2) * kPairWords;
    float sums[2 * kFilters] = {};
    for (int tap = 0; tap < kTaps; ++tap) {
        const int shift = 8 * (tap % 3 + x % 2);
        for (int source = 0; source < layer.inputs / kFilters; ++source) {
            const int32_t *words = input.rows[source][tap / 3] + pair;
            const float *weight = weights + tap * layer.inputs + source * kFilters;
            for (int c = 0; c < kFilters; ++c)
                sums[source * kFilters + c] += static_cast<float>(words[c] >> shift & 0xff) * weight[c];
        }
    }
    requantize(sums, layer.depth_bias, layer.depth_multiplier, layer.inputs, filtered);
}

// The same for a row of the image.
void depthwise_of_image(const Int8Layer &layer, const float *weights, const Int8Input &input, int x, float *filtered) {
    float sums[3] = {};
    for (int tap = 0; tap < kTaps; ++tap)
        for (int c = 0; c < 3; ++c)
            sums[c] += static_cast<float>(input.rows[0][tap / 3][3 * (x + tap % 3 - 1) + c]) * weights[tap * 3 + c];
    requantize(sums, layer.depth_bias, layer.depth_multiplier, 3, filtered);
}

void pointwise(const Int8Layer &layer, const float *weights, const float *filtered, float *sums) {
    const int padded = layer.padded_outputs();
    memset(sums, 0, sizeof(float) * padded);
    for (int i = 0; i < layer.inputs; ++i)
        for (int o = 0; o < padded; ++o) sums[o] += weights[i * padded + o] * filtered[i];
}

// Puts a layer's values (kFilters) of pixel x where its neighbors look for them.
void place(const float *values, int x, int width, int32_t *output) {
    int32_t *pair = output + static_cast<ptrdiff_t>(x / 2) * kPairWords;
    for (int c = 0; c < kFilters; ++c) {
        const int32_t value = static_cast<int32_t>(values[c]);
        if (x % 2 == 0) {
            pair[c] |= value << 8;
            if (x > 0) pair[c - kPairWords] |= static_cast<int32_t>(static_cast<uint32_t>(value) << 24);
        } else {
            pair[c] |= value << 16;
            if (x + 1 < width) pair[c + kPairWords] = value;
        }
    }
}

template <void (*kDepthwise)(const Int8Layer &, const float *, const Int8Input &, int, float *)>
void feature_row(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *output) {
    const Weights weights = unpack(layer, scratch);
    memset(output, 0, sizeof(int32_t) * kPairWords * ((static_cast<size_t>(width) + 1) / 2));
    for (int x = 0; x < width; ++x) {
        float filtered[2 * kFilters], sums[kFilters], values[kFilters];
        kDepthwise(layer, weights.depth, input, x, filtered);
        pointwise(layer, weights.point, filtered, sums);
        requantize(sums, layer.bias, layer.multiplier, kFilters, values);
        place(values, x, width, output);
    }
}

// tanh x = 1 - 2 / (e^2x + 1), with e^y = 2^n e^f, n the integer nearest to y log2(e), and e^f by its Taylor series. The
// operations and their order are those of quantize/int8_network.py.
float tanh_of(float x) {
    x = x < -9.5f ? -9.5f : x > 9.5f ? 9.5f : x;
    const float shifted = x * 2.88539008f + 12582912.0f;
    const float n = shifted - 12582912.0f;
    const float f = x * 2.0f - n * 0.693147181f;
    constexpr float kTaylor[] = {1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0};
    float power = static_cast<float>(1.0 / 5040.0);
    for (const float coefficient : kTaylor) power = power * f + coefficient;
    return 1.0f - 2.0f / (power * ldexpf(1.0f, static_cast<int>(n)) + 1.0f);
}

void map_row(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *, float *map) {
    const Weights weights = unpack(layer, scratch);
    for (int x = 0; x < width; ++x) {
        float filtered[2 * kFilters], sums[kChannelBlock];
        depthwise(layer, weights.depth, input, x, filtered);
        pointwise(layer, weights.point, filtered, sums);
        for (int o = 0; o < 3; ++o)
            map[3 * x + o] = tanh_of(static_cast<float>(static_cast<int32_t>(sums[o]) + layer.bias[o]) * layer.multiplier[o]);
    }
}

}  // namespace

namespace scalar {
extern const Int8Kernels kConvolutionInt8 = {0, feature_row<depthwise_of_image>, feature_row<depthwise>, map_row};
}

}  // namespace dce
