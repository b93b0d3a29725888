// Rows of the network in floats: see stream.h, and dsp/convolution.h for what they look like.
#ifndef DCELITE_NETWORK_FLOAT_ROWS_H
#define DCELITE_NETWORK_FLOAT_ROWS_H

#include <string.h>

#include "dsp/dsp.h"
#include "network/scene.h"
#include "network/shape.h"

namespace dce {

class FloatRows {
public:
    using Value = float;
    using Input = LayerInput;

    FloatRows() = default;
    FloatRows(const Dsp &dsp, const Model &model, const Scene &scene, int width)
        : convolve_(model.is_separable() ? dsp.convolution->separable_row : dsp.convolution->plain_row),
          width_(static_cast<size_t>(width)) {
        for (int i = 0; i < kLayers; ++i) {
            layers_[i] = model.layers[i];
            scene.steer(i + 1, &layers_[i]);
        }
    }

    static float zero() { return 0.0f; }
    static int padding(int k) { return k == 0 ? 3 : kFilters; }  // a pixel
    static size_t scratch() { return kScratchFloats; }
    size_t length(int k) const { return (width_ + 2) * padding(k); }
    size_t output_bytes(int layer) const { return sizeof(float) * width_ * layers_[layer - 1].outputs; }

    void clear_padding(int k, float *row) const {
        const int channels = padding(k);
        memset(row - channels, 0, sizeof(float) * channels);
        memset(row + width_ * channels, 0, sizeof(float) * channels);
    }

    void read(const RowSource &source, int y, float *, float *row) const { source.read(source.context, y, row); }

    void compute(int layer, LayerInput input, float *scratch, void *output) const {
        for (int s = 0; s < 2; ++s) {
            const int k = kSources[layer - 1][s];
            input.channels[s] = k < 0 ? 0 : padding(k);
        }
        convolve_(layers_[layer - 1], input, static_cast<int>(width_),
                  layer == kLayers ? Activation::kTanh : Activation::kRelu, scratch, static_cast<float *>(output));
    }

private:
    decltype(ConvolutionKernels::plain_row) convolve_ = nullptr;
    Layer layers_[kLayers];
    size_t width_ = 0;
};

}  // namespace dce

#endif
