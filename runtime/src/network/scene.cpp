#include "network/scene.h"

#include <math.h>
#include <string.h>

namespace dce {
namespace {

constexpr int kSteered[kSteeredLayers] = {1, 6};
constexpr float kLevelOffset = 0.41421356f;  // no weighted mean of levels is so close that the last bit decides
constexpr double kLargestOffset = 1 << 29;  // in units of the sums of int8: with a bias below 2^29, the sum stays within 32 bits

// Which of the steered layers; -1: none.
int steered_index(int number) {
    for (int i = 0; i < kSteeredLayers; ++i)
        if (kSteered[i] == number) return i;
    return -1;
}

// `weight` of a picture has the brightness `value`, 0 … 1: it counts for the two bins around its root.
void add_to_bins(double value, double weight, double *bins) {
    const double position = (kSceneBins - 1) * sqrt(value);
    const int lower = position < kSceneBins - 1 ? static_cast<int>(position) : kSceneBins - 2;
    bins[lower] += weight * (lower + 1 - position);
    bins[lower + 1] += weight * (position - lower);
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
    for (int x = 0; x < width; ++x, row += 3) {
        uint32_t levels[3], most = 0;
        for (int c = 0; c < 3; ++c) {
            levels[c] = static_cast<uint32_t>(static_cast<int32_t>(row[c] * 255.0f + kLevelOffset));
            if (levels[c] > most) most = levels[c];
            sums[c] += levels[c];
        }
        ++brightest[most];
        ++total[levels[0] + levels[1] + levels[2]];
    }
}

void SceneCounts::add(const SceneCounts &other) {
    for (size_t i = 0; i < sizeof brightest / sizeof *brightest; ++i) brightest[i] += other.brightest[i];
    for (size_t i = 0; i < sizeof total / sizeof *total; ++i) total[i] += other.total[i];
    for (int c = 0; c < 3; ++c) sums[c] += other.sums[c];
}

bool Scene::prepare() {
    const size_t count = kSteeredLayers * kFilters;
    return !is_used() || (model_.is_int8 ? integer_bias_.reserve(2 * count) : bias_.reserve(count));
}

void Scene::statistics(const SceneCounts &counts, double *values) {
    double pixels = 0.0;
    for (const uint32_t count : counts.brightest) pixels += count;
    memset(values, 0, sizeof(double) * kSceneStatistics);
    for (int level = 0; level <= 255; ++level)
        if (counts.brightest[level]) add_to_bins(level / 255.0, counts.brightest[level] / pixels, values);
    for (int level = 0; level <= 3 * 255; ++level)
        if (counts.total[level]) add_to_bins(level / (3 * 255.0), counts.total[level] / pixels, values + kSceneBins);
    for (int c = 0; c < 3; ++c) values[2 * kSceneBins + c] = static_cast<double>(counts.sums[c]) / (255.0 * pixels);
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
}

void Scene::steer(int number, Layer *layer) const {
    const int i = steered_index(number);
    if (i >= 0 && is_used()) layer->bias = bias_.data() + i * kFilters;
}

void Scene::steer(int number, Int8Layer *layer) const {
    const int i = steered_index(number);
    if (i < 0 || !is_used()) return;
    layer->bias = integer_bias_.data() + 2 * i * kFilters;
    layer->bias_signed = layer->bias + kFilters;
}

}  // namespace dce
