#include "dsp/weights.h"

#include <math.h>

namespace dce {
namespace {

// Hands out memory, one array after the other.
template <typename T>
T *take(T **memory, size_t count) {
    T *start = *memory;
    *memory += count;
    return start;
}

template <typename T>
const T *copy(const T *values, int channels, T **memory) {
    T *packed = take(memory, padded_channels(channels));
    for (int c = 0; c < channels; ++c) packed[c] = values[c];
    return packed;
}

constexpr size_t kRepeatedFloats = static_cast<size_t>(kTaps + 1) * 3 * kRepeated;

const float *repeat_depth(const Layer &layer, float **memory) {
    float *packed = take(memory, kRepeatedFloats);
    for (int row = 0; row <= kTaps; ++row)
        for (int i = 0; i < 3 * kRepeated; ++i)
            packed[row * 3 * kRepeated + i] = row < kTaps ? layer.depth[row * 3 + i % 3] : layer.depth_bias[i % 3];
    return packed;
}

const float *transpose_weight(const Layer &layer, float **memory) {
    float *packed = take(memory, static_cast<size_t>(layer.outputs) * layer.inputs);
    for (int o = 0; o < layer.outputs; ++o)
        for (int i = 0; i < layer.inputs; ++i) packed[o * layer.inputs + i] = layer.weight[i * layer.padded_outputs() + o];
    return packed;
}

// A byte into a word.
void put(int32_t *word, int byte, int32_t value) {
    *word = static_cast<int32_t>(static_cast<uint32_t>(*word) | (static_cast<uint32_t>(value) & 0xff) << 8 * byte);
}

// The biases of `channels`, each plus 128 times the sum of the `count` weights of its channel.
const int32_t *biases_signed(const int32_t *biases, const int8_t *weights, int count, int channels, int32_t **memory) {
    int32_t *packed = take(memory, padded_channels(channels));
    for (int c = 0; c < channels; ++c) {
        int32_t sum = 0;
        for (int i = 0; i < count; ++i) sum += *weights++;
        packed[c] = biases[c] + 128 * sum;
    }
    return packed;
}

}  // namespace

int32_t FixedLayer::bias_of(int o, double value) const {
    const double sum = (value + constant[o]) * static_cast<double>(scale[o]), most = largest_bias;
    return static_cast<int32_t>(lrint(sum < -most ? -most : sum > most ? most : sum)) + half;
}

size_t layer_parameters(const LayerShape &shape, bool separable) {
    const int parameters = separable ? shape.inputs * (kTaps + 1) + shape.outputs * (shape.inputs + 1)
                                     : shape.outputs * (shape.inputs * kTaps + 1);
    return static_cast<size_t>(parameters);
}

size_t packed_floats(const LayerShape &shape, bool separable) {
    const size_t outputs = shape.padded_outputs();
    if (!separable) return (static_cast<size_t>(kTaps) * shape.inputs + 1) * outputs;
    const size_t common = (kTaps + 1) * static_cast<size_t>(padded_channels(shape.inputs)) + (shape.inputs + 1) * outputs;
    return common + (shape.inputs == 3 ? kRepeatedFloats : 0) + (shape.outputs == 3 ? size_t{3} * shape.inputs : 0);
}

void pack_layer(const float *values, bool separable, float *memory, Layer *layer) {
    if (separable) {  // (inputs, taps) -> (taps, inputs)
        float *depth = take(&memory, static_cast<size_t>(kTaps) * padded_channels(layer->inputs));
        for (int i = 0; i < layer->inputs; ++i)
            for (int tap = 0; tap < kTaps; ++tap) depth[tap * layer->inputs + i] = *values++;
        layer->depth = depth;
        layer->depth_bias = copy(values, layer->inputs, &memory);
        values += layer->inputs;
    }
    // (outputs, inputs, taps) -> (taps, inputs, padded outputs)
    const int taps = separable ? 1 : kTaps, padded = layer->padded_outputs();
    float *weight = take(&memory, static_cast<size_t>(taps) * layer->inputs * padded);
    for (int o = 0; o < layer->outputs; ++o)
        for (int i = 0; i < layer->inputs; ++i)
            for (int tap = 0; tap < taps; ++tap) weight[(tap * layer->inputs + i) * padded + o] = *values++;
    layer->weight = weight;
    layer->bias = copy(values, layer->outputs, &memory);
    if (separable && layer->inputs == 3) layer->repeated_depth = repeat_depth(*layer, &memory);
    if (separable && layer->outputs == 3) layer->transposed_weight = transpose_weight(*layer, &memory);
}

size_t packed_integers(const LayerShape &shape) {
    const size_t inputs = padded_channels(shape.inputs), outputs = shape.padded_outputs();
    return (3 + 2) * inputs + ((shape.inputs + 3) / 4 + 2) * outputs;
}

size_t packed_multipliers(const LayerShape &shape) {
    return static_cast<size_t>(padded_channels(shape.inputs)) + shape.padded_outputs();
}

void pack_layer(const Int8Values &values, int32_t *integers, float *multipliers, Int8Layer *layer) {
    const int inputs = layer->inputs, outputs = layer->outputs, padded = layer->padded_outputs();
    int32_t *depth = take(&integers, 3 * static_cast<size_t>(padded_channels(inputs)));
    for (int c = 0; c < inputs; ++c)
        for (int tap = 0; tap < kTaps; ++tap) put(&depth[tap / 3 * inputs + c], tap % 3, values.depth[c * kTaps + tap]);
    layer->depth = depth;
    layer->depth_bias = copy(values.depth_bias, inputs, &integers);
    layer->depth_bias_signed = biases_signed(values.depth_bias, values.depth, kTaps, inputs, &integers);
    layer->depth_multiplier = copy(values.depth_multiplier, inputs, &multipliers);

    int32_t *point = take(&integers, static_cast<size_t>((inputs + 3) / 4) * padded);
    for (int o = 0; o < outputs; ++o)
        for (int i = 0; i < inputs; ++i) put(&point[i / 4 * padded + o], i % 4, values.point[o * inputs + i]);
    layer->point = point;
    layer->bias = copy(values.bias, outputs, &integers);
    layer->bias_signed = biases_signed(values.bias, values.point, inputs, outputs, &integers);
    layer->multiplier = copy(values.multiplier, outputs, &multipliers);
}

}  // namespace dce
