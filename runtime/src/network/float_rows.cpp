#include "network/float_rows.h"

#include <string.h>

namespace dce {

void FloatRows::clear_padding(int k, float *row) const {
    const int channels = padding(k);
    memset(row - channels, 0, sizeof(float) * channels);
    memset(row + width_ * channels, 0, sizeof(float) * channels);
}

void FloatRows::compute(int layer, LayerInput input, float *scratch, void *output) const {
    for (int s = 0; s < 2; ++s) {
        const int k = kSources[layer - 1][s];
        input.channels[s] = k < 0 ? 0 : padding(k);
    }
    const auto convolve = model_->is_separable() ? kernels_->separable_row : kernels_->plain_row;
    convolve(model_->layers[layer - 1], input, static_cast<int>(width_),
             layer == kLayers ? Activation::kTanh : Activation::kRelu, scratch, static_cast<float *>(output));
}

}  // namespace dce
