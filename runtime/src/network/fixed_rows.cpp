#include "network/fixed_rows.h"

#include <string.h>

namespace dce {
namespace {

constexpr size_t kKernelScratch = sizeof(float) * kScratchFloats;
static_assert(sizeof(int16_t) * kFixedScratch <= kKernelScratch, "there is room for what either kernel needs");

}  // namespace

void FixedRows::set(const Dsp &dsp, const Model &model, const Scene &scene, int width) {
    kernels_ = dsp.convolution_fixed;
    first_row_ = dsp.convolution->separable_row;
    layers_ = model.fixed_layers.data();
    first_ = model.fixed_first;
    width_ = static_cast<size_t>(width);
    scene.steer(1, &first_);
    for (int i = 0; i < kLayers; ++i) {
        bias_[i] = layers_[i].bias;
        scene.steer(i + 1, &bias_[i]);
    }
}

// Of layer 1, a row of floats; of the last one, the sums of a row.
size_t FixedRows::scratch() const { return kKernelScratch + sizeof(float) * (width_ * kFilters + 3 * kFixedMost); }

size_t FixedRows::output_bytes(int layer) const {
    return width_ * (layer == kLayers ? 3 * sizeof(float) : kFilters * sizeof(int16_t));
}

void FixedRows::compute_first(const Input &input, void *scratch, int16_t *output) const {
    LayerInput image = {};
    image.channels[0] = 3;
    for (int r = 0; r < 3; ++r) image.rows[0][r] = static_cast<const float *>(input[0][r]);
    float *const values = static_cast<float *>(scratch) + kScratchFloats;
    first_row_(first_, image, static_cast<int>(width_), Activation::kRelu, static_cast<float *>(scratch), values);
    kernels_->narrow_row(values, layers_[0].scale, static_cast<int>(width_), output);
}

void FixedRows::compute(int layer, const Input &input, void *scratch, void *output) const {
    if (layer == 1) return compute_first(input, scratch, static_cast<int16_t *>(output));
    const FixedLayer &weights = layers_[layer - 1];
    const int width = static_cast<int>(width_);
    FixedInput given;
    for (int s = 0; s < 2; ++s)
        for (int r = 0; r < 3; ++r) given.rows[s][r] = static_cast<const int16_t *>(input[s][r]);
    int16_t *const values = static_cast<int16_t *>(scratch);
    if (layer == kLayers) {
        int32_t *const sums = reinterpret_cast<int32_t *>(static_cast<uint8_t *>(scratch) + kKernelScratch);
        return kernels_->map_row(weights, given, width, values, sums, static_cast<float *>(output));
    }
    if (weights.kept == 0) return;  // nothing reads it
    kernels_->hidden_row(weights, bias_[layer - 1], given, width, values, static_cast<int16_t *>(output));
    if (width < kFixedMost) memset(static_cast<uint8_t *>(output) + width_ * padding(layer), 0, padding(layer));
}

}  // namespace dce
