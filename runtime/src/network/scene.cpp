#include "network/scene.h"

#include <math.h>
#include <string.h>

namespace dce {
namespace {

constexpr int kSteered[kSteeredLayers] = {1, 6};
constexpr double kLargestOffset = 1 << 29;  // in units of the sums of int8: with a bias below 2^29, the sum stays within 32 bits

// Which of the steered layers; -1: none.
int steered_index(int number) {
    for (int i = 0; i < kSteeredLayers; ++i)
        if (kSteered[i] == number) return i;
    return -1;
}

// A pixel of a brightness, 0 … 1, counts for the two bins around its root.
inline __attribute__((always_inline)) void count(float value, uint64_t *bins) {
    const float position = (kSceneBins - 1) * sqrtf(value);
    const int bin = position < kSceneBins - 1 ? static_cast<int>(position) : kSceneBins - 2;
    const int share = static_cast<int>((position - static_cast<float>(bin)) * kWholePixel + 0.5f);
    bins[bin] += static_cast<uint64_t>(kWholePixel - share);
    bins[bin + 1] += static_cast<uint64_t>(share);
}

void fully_connected(const float *weight, const float *bias, const double *input, int inputs, int outputs, double *output) {
    for (int o = 0; o < outputs; ++o) {
        double sum = static_cast<double>(bias[o]);
        for (int i = 0; i < inputs; ++i) sum += static_cast<double>(weight[o * inputs + i]) * input[i];
        output[o] = sum;
    }
}

}  // namespace

void SceneCounts::clear() { memset(this, 0, sizeof *this); }

void SceneCounts::add_row(const float *row, int width) {
    pixels += static_cast<uint64_t>(width);
    const auto to_integer = [](float value) { return static_cast<uint64_t>(static_cast<int>(value * kWholePixel + 0.5f)); };
    uint64_t red = 0, green = 0, blue = 0;  // in registers
    for (int x = 0; x < width; ++x, row += 3) {
        const float most = row[0] > row[1] ? row[0] : row[1];
        count(most > row[2] ? most : row[2], brightest);
        count((row[0] + row[1] + row[2]) / 3.0f, mean);
        red += to_integer(row[0]);
        green += to_integer(row[1]);
        blue += to_integer(row[2]);
    }
    channels[0] += red;
    channels[1] += green;
    channels[2] += blue;
}

void SceneCounts::add(const SceneCounts &other) {
    pixels += other.pixels;
    for (int k = 0; k < kSceneBins; ++k) {
        brightest[k] += other.brightest[k];
        mean[k] += other.mean[k];
    }
    for (int c = 0; c < 3; ++c) channels[c] += other.channels[c];
}

bool Scene::prepare() {
    const size_t count = kSteeredLayers * kFilters;
    if (!is_used()) return true;
    if (model_.is_int8) return integer_bias_.reserve(2 * count);
    return bias_.reserve(count) && (!model_.is_fixed || integer_bias_.reserve(count));
}

void Scene::statistics(const SceneCounts &counts, double *values) {
    const double whole = static_cast<double>(counts.pixels) * kWholePixel;
    for (int k = 0; k < kSceneBins; ++k) {
        values[k] = static_cast<double>(counts.brightest[k]) / whole;
        values[kSceneBins + k] = static_cast<double>(counts.mean[k]) / whole;
    }
    for (int c = 0; c < 3; ++c) values[2 * kSceneBins + c] = static_cast<double>(counts.channels[c]) / whole;
}

void Scene::set(const SceneCounts &counts) {
    double values[kSceneStatistics], hidden[kSceneHidden], offsets[kSteeredLayers * kFilters];
    const SceneHead &head = model_.scene;
    statistics(counts, values);
    fully_connected(head.hidden_weight, head.hidden_bias, values, kSceneStatistics, kSceneHidden, hidden);
    for (double &value : hidden)
        if (value < 0.0) value = 0.0;
    fully_connected(head.output_weight, head.output_bias, hidden, kSceneHidden, kSteeredLayers * kFilters, offsets);
    for (int i = 0; i < kSteeredLayers; ++i)
        for (int c = 0; c < kFilters; ++c) {
            double offset = offsets[i * kFilters + c];
            if (!model_.is_int8) {
                bias_[i * kFilters + c] = static_cast<float>(static_cast<double>(model_.layers[kSteered[i] - 1].bias[c]) + offset);
                continue;
            }
            offset = offset < -kLargestOffset ? -kLargestOffset : offset > kLargestOffset ? kLargestOffset : offset;
            const int32_t steps = static_cast<int32_t>(lrint(offset));
            const Int8Layer &layer = model_.int8_layers[kSteered[i] - 1];
            integer_bias_[2 * i * kFilters + c] = layer.bias[c] + steps;
            integer_bias_[(2 * i + 1) * kFilters + c] = layer.bias_signed[c] + steps;
        }
    if (model_.is_fixed) fix_biases();
}

// Those of the frame, as the layers in fixed point have them.
void Scene::fix_biases() {
    float ordered[kFilters];
    for (int i = 0; i < kSteeredLayers; ++i) {
        const FixedLayer &layer = model_.fixed_layers[kSteered[i] - 1];
        float *bias = bias_.data() + i * kFilters;
        for (int c = 0; c < kFilters; ++c) {
            ordered[c] = bias[layer.order[c]];
            integer_bias_[i * kFilters + c] = layer.bias_of(c, static_cast<double>(ordered[c]));
        }
        memcpy(bias, ordered, sizeof ordered);
    }
}

void Scene::steer(int number, Layer *layer) const {
    const int i = steered_index(number);
    if (i >= 0 && is_used()) layer->bias = bias_.data() + i * kFilters;
}

void Scene::steer(int number, const int32_t **bias) const {
    const int i = steered_index(number);
    if (i >= 0 && is_used()) *bias = integer_bias_.data() + i * kFilters;
}

void Scene::steer(int number, Int8Layer *layer) const {
    const int i = steered_index(number);
    if (i < 0 || !is_used()) return;
    layer->bias = integer_bias_.data() + 2 * i * kFilters;
    layer->bias_signed = layer->bias + kFilters;
}

}  // namespace dce
