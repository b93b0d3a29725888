// Rows of the network in int8: see rows.h, and dsp/convolution_int8.h for what they look like.
#ifndef DCELITE_NETWORK_INT8_ROWS_H
#define DCELITE_NETWORK_INT8_ROWS_H

#include "dsp/dsp.h"
#include "network/rows.h"
#include "network/scene.h"

namespace dce {

class Int8Rows final : public Rows {
public:
    void set(const Dsp &dsp, const Model &model, const Scene &scene, int width);

    size_t length(int k) const override { return sizeof(int32_t) * words(k); }
    size_t padding(int k) const override { return k == 0 ? 3 * sizeof(int32_t) : 0; }
    int32_t zero() const override { return kernels_->mask; }
    size_t scratch() const override;
    size_t output_bytes(int layer) const override { return sizeof(int32_t) * (layer == kLayers ? 3 * width_ : words(layer)); }
    void clear_padding(int k, void *row) const override;
    void read(const RowSource &source, int y, void *scratch, void *row) const override;
    void compute(int layer, const Input &input, void *scratch, void *output) const override;

private:
    size_t words(int k) const { return k == 0 ? 3 * (width_ + 2) + kInt8Slack : (width_ + 1) / 2 * kPairWords; }

    const Int8Kernels *kernels_ = nullptr;
    Int8Layer layers_[kLayers];
};

}  // namespace dce

#endif
