#include "model_int8.h"

#include <math.h>
#include <string.h>

#include "little_endian.h"

namespace dce {
namespace {

// What keeps sums within 32 bits and products within the range of a conversion to integers: the largest sum of weights times
// values is 64 * 255 * 127 < 2^21, the largest sum of weights times 128 is below 2^20.
constexpr int32_t kLargestBias = 1 << 29;
constexpr float kLargestMultiplier = 1.0f;

size_t channel_bytes() { return sizeof(int32_t) + sizeof(float); }  // bias and multiplier

// Hands out the values of the payload one after the other, and space in the model's buffers.
struct Packer {
    const uint8_t *source;
    int32_t *integers;
    float *floats;
    const char *problem = nullptr;

    template <typename T>
    static T *take(T **next, size_t count) {
        T *start = *next;
        *next += count;
        return start;
    }

    int32_t weight() {
        const int32_t value = static_cast<int8_t>(*source++);
        if (value == -128) problem = "a weight of -128";
        return value;
    }

    // Biases of `channels`, and the same plus 128 times the sum of the channel's weights.
    void biases(int channels, const int32_t *sums, const int32_t **plain, const int32_t **with_signed) {
        int32_t *values = take(&integers, padded_channels(channels));
        int32_t *others = take(&integers, padded_channels(channels));
        for (int c = 0; c < channels; ++c, source += sizeof(int32_t)) {
            values[c] = static_cast<int32_t>(read_u32(source));
            if (values[c] < -kLargestBias || values[c] > kLargestBias) {
                problem = "a bias out of range";
                values[c] = 0;
            }
            others[c] = values[c] + 128 * sums[c];
        }
        *plain = values;
        *with_signed = others;
    }

    const float *multipliers(int channels) {
        float *values = take(&floats, padded_channels(channels));
        for (int c = 0; c < channels; ++c, source += sizeof(float)) {
            values[c] = read_f32(source);
            if (!(values[c] >= 0.0f && values[c] <= kLargestMultiplier)) problem = "a multiplier out of range";
        }
        return values;
    }

    // A byte into a word.
    static void put(int32_t *word, int byte, int32_t value) {
        *word = static_cast<int32_t>(static_cast<uint32_t>(*word) | (static_cast<uint32_t>(value) & 0xff) << 8 * byte);
    }

    void depthwise(Int8Layer *layer) {
        int32_t sums[2 * kFilters] = {};
        int32_t *words = take(&integers, 3 * static_cast<size_t>(padded_channels(layer->inputs)));
        for (int c = 0; c < layer->inputs; ++c)
            for (int tap = 0; tap < kTaps; ++tap) {
                const int32_t value = weight();
                put(&words[tap / 3 * layer->inputs + c], tap % 3, value);
                sums[c] += value;
            }
        layer->depth = words;
        biases(layer->inputs, sums, &layer->depth_bias, &layer->depth_bias_signed);
        layer->depth_multiplier = multipliers(layer->inputs);
    }

    void pointwise(Int8Layer *layer) {
        int32_t sums[kFilters] = {};
        const int padded = layer->padded_outputs();
        int32_t *words = take(&integers, static_cast<size_t>((layer->inputs + 3) / 4) * padded);
        for (int o = 0; o < layer->outputs; ++o)
            for (int i = 0; i < layer->inputs; ++i) {
                const int32_t value = weight();
                put(&words[i / 4 * padded + o], i % 4, value);
                sums[o] += value;
            }
        layer->point = words;
        biases(layer->outputs, sums, &layer->bias, &layer->bias_signed);
        layer->multiplier = multipliers(layer->outputs);
    }
};

}  // namespace

size_t int8_payload_size(const Model &model) {
    size_t size = 0;
    for (const Layer &layer : model.layers)
        size += layer.inputs * (kTaps + channel_bytes()) + layer.outputs * (layer.inputs + channel_bytes());
    return size;
}

dce_status read_int8_payload(const uint8_t *bytes, const char *name, Model *model, Error *error) {
    size_t integers = 0, floats = 0;
    for (const Layer &layer : model->layers) {
        const size_t inputs = padded_channels(layer.inputs), outputs = layer.padded_outputs();
        integers += (3 + 2) * inputs + ((layer.inputs + 3) / 4 + 2) * outputs;
        floats += inputs + outputs;
    }
    if (!model->integers.reserve(integers) || !model->weights.reserve(floats))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "%s: no memory for %zu weights", name, integers + floats);
    memset(model->integers.data(), 0, integers * sizeof(int32_t));
    memset(model->weights.data(), 0, floats * sizeof(float));

    Packer packer{bytes, model->integers.data(), model->weights.data()};
    for (int i = 0; i < kLayers; ++i) {
        Int8Layer &layer = model->int8_layers[i];
        layer.inputs = model->layers[i].inputs;
        layer.outputs = model->layers[i].outputs;
        packer.depthwise(&layer);
        packer.pointwise(&layer);
        if (packer.problem) return error->set(DCE_ERROR_MODEL, "%s: e_conv%d has %s", name, i + 1, packer.problem);
    }
    return DCE_OK;
}

}  // namespace dce
