// Rows of the network in floats: see rows.h, and dsp/convolution.h for what they look like.
#ifndef DCELITE_NETWORK_FLOAT_ROWS_H
#define DCELITE_NETWORK_FLOAT_ROWS_H

#include "dsp/dsp.h"
#include "network/rows.h"
#include "network/scene.h"

namespace dce {

class FloatRows final : public Rows {
public:
    void set(const Dsp &dsp, const Model &model, const Scene &scene, int width);

    size_t length(int k) const override { return (width_ + 2) * padding(k); }
    size_t padding(int k) const override { return pixel(k) * sizeof(float); }
    size_t scratch() const override { return kScratchFloats * sizeof(float); }
    size_t output_bytes(int layer) const override { return width_ * layers_[layer - 1].outputs * sizeof(float); }
    void compute(int layer, const Input &input, void *scratch, void *output) const override;

private:
    static int pixel(int k) { return k == 0 ? 3 : kFilters; }  // channels

    decltype(ConvolutionKernels::plain_row) convolve_ = nullptr;
    Layer layers_[kLayers];
};

}  // namespace dce

#endif
