// Rows of the network in int8: see stream.h, and dsp/convolution_int8.h for what they look like.
#ifndef DCELITE_NETWORK_INT8_ROWS_H
#define DCELITE_NETWORK_INT8_ROWS_H

#include <string.h>

#include "dsp/dsp.h"
#include "network/scene.h"
#include "network/shape.h"

namespace dce {

class Int8Rows {
public:
    using Value = int32_t;
    using Input = Int8Input;

    Int8Rows() = default;
    Int8Rows(const Dsp &dsp, const Model &model, const Scene &scene, int width)
        : kernels_(dsp.convolution_int8), width_(static_cast<size_t>(width)) {
        for (int i = 0; i < kLayers; ++i) {
            layers_[i] = model.int8_layers[i];
            scene.steer(i + 1, &layers_[i]);
        }
    }

    int32_t zero() const { return kernels_->mask; }
    static int padding(int k) { return k == 0 ? 3 : 0; }
    size_t length(int k) const { return k == 0 ? 3 * (width_ + 2) + kInt8Slack : (width_ + 1) / 2 * kPairWords; }
    size_t output_bytes(int layer) const { return sizeof(int32_t) * (layer == kLayers ? 3 * width_ : length(layer)); }

    // The sums of a row, or a row of the image in floats, and what the kernels keep for themselves.
    size_t scratch() const { return kInt8ScratchBytes / sizeof(int32_t) + int8_sums(width_); }

    void clear_padding(int k, int32_t *row) const {
        if (k != 0) return;
        memset(row - 3, 0, 3 * sizeof(int32_t));
        memset(row + 3 * width_, 0, (3 + kInt8Slack) * sizeof(int32_t));
    }

    // 0 … 1 -> 0 … 255, to nearest, ties to even, by adding 1.5 * 2^23.
    void read(const RowSource &source, int y, int32_t *scratch, int32_t *row) const {
        constexpr float kRound = 12582912.0f;
        typedef float Floats __attribute__((vector_size(16)));
        typedef int32_t Ints __attribute__((vector_size(16)));
        float *values = reinterpret_cast<float *>(scratch);
        source.read(source.context, y, values);
        for (size_t i = 0; i < 3 * width_; i += 4) {  // up to three too many: slack of both rows
            Floats level;
            memcpy(&level, values + i, sizeof level);
            level *= 255.0f;
            level = level > 0.0f ? level : Floats{};
            level = (level < 255.0f ? level : Floats{} + 255.0f) + kRound - kRound;
            const Ints levels = __builtin_convertvector(level, Ints);
            memcpy(row + i, &levels, sizeof levels);
        }
        memset(row + 3 * width_, 0, 3 * sizeof(int32_t));
    }

    void compute(int layer, const Int8Input &input, int32_t *scratch, void *output) const {
        const Int8Layer &weights = layers_[layer - 1];
        const int width = static_cast<int>(width_);
        uint8_t *bytes = reinterpret_cast<uint8_t *>(scratch);
        int32_t *sums = scratch + kInt8ScratchBytes / sizeof(int32_t);
        if (layer == kLayers) return kernels_->map_row(weights, input, width, bytes, sums, static_cast<float *>(output));
        const auto feature_row = layer == 1 ? kernels_->image_row : kernels_->hidden_row;
        feature_row(weights, input, width, bytes, static_cast<int32_t *>(output));
    }

private:
    const Int8Kernels *kernels_ = nullptr;
    Int8Layer layers_[kLayers];
    size_t width_ = 0;
};

}  // namespace dce

#endif
