#include "network/float_rows.h"

#include <string.h>

namespace dce {

void FloatRows::set(const Dsp &dsp, const Model &model, const Scene &scene, int width) {
    convolve_ = model.is_separable() ? dsp.convolution->separable_row : dsp.convolution->plain_row;
    width_ = static_cast<size_t>(width);
    for (int i = 0; i < kLayers; ++i) {
        layers_[i] = model.layers[i];
        scene.steer(i + 1, &layers_[i]);
    }
}

void FloatRows::clear_padding(int k, void *row) const {
    uint8_t *const pixels = static_cast<uint8_t *>(row);
    memset(pixels - padding(k), 0, padding(k));
    memset(pixels + width_ * padding(k), 0, padding(k));
}

void FloatRows::read(const RowSource &source, int y, void *, void *row) const {
    source.read(source.context, y, static_cast<float *>(row));
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
