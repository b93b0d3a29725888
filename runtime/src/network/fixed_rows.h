// Rows of the network in 16-bit fixed point: see rows.h, and dsp/convolution_fixed.h for what they look like. Those of the image
// are floats.
#ifndef DCELITE_NETWORK_FIXED_ROWS_H
#define DCELITE_NETWORK_FIXED_ROWS_H

#include "dsp/dsp.h"
#include "network/rows.h"
#include "network/scene.h"

namespace dce {

class FixedRows final : public Rows {
public:
    void set(const Dsp &dsp, const Model &model, const Scene &scene, int width);

    size_t length(int k) const override { return (width_ + 2 + (k == 0 ? 0 : kFixedMost)) * padding(k); }
    size_t padding(int k) const override { return k == 0 ? 3 * sizeof(float) : kFilters * sizeof(int16_t); }  // a pixel
    size_t scratch() const override;
    size_t output_bytes(int layer) const override;
    void compute(int layer, const Input &input, void *scratch, void *output) const override;

private:
    void compute_first(const Input &input, void *scratch, int16_t *output) const;

    const FixedKernels *kernels_ = nullptr;
    decltype(ConvolutionKernels::separable_row) first_row_ = nullptr;
    const FixedLayer *layers_ = nullptr;
    const int32_t *bias_[kLayers];
    Layer first_;
};

}  // namespace dce

#endif
