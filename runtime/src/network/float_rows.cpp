#include "network/float_rows.h"

namespace dce {

void FloatRows::set(const Dsp &dsp, const Model &model, const Scene &scene, int width) {
    convolve_ = model.is_separable() ? dsp.convolution->separable_row : dsp.convolution->plain_row;
    width_ = static_cast<size_t>(width);
    for (int i = 0; i < kLayers; ++i) {
        layers_[i] = model.layers[i];
        scene.steer(i + 1, &layers_[i]);
    }
}

void FloatRows::compute(int layer, const Input &input, void *scratch, void *output) const {
    LayerInput given = {};
    for (int s = 0; s < 2; ++s) {
        const int k = kSources[layer - 1][s];
        given.channels[s] = k < 0 ? 0 : pixel(k);
        for (int r = 0; r < 3; ++r) given.rows[s][r] = static_cast<const float *>(input[s][r]);
    }
    convolve_(layers_[layer - 1], given, static_cast<int>(width_), layer == kLayers ? Activation::kTanh : Activation::kRelu,
              static_cast<float *>(scratch), static_cast<float *>(output));
}

}  // namespace dce
