#include "network/int8_rows.h"

#include <string.h>

namespace dce {

void Int8Rows::set(const Dsp &dsp, const Model &model, const Scene &scene, int width) {
    kernels_ = dsp.convolution_int8;
    width_ = static_cast<size_t>(width);
    for (int i = 0; i < kLayers; ++i) {
        layers_[i] = model.int8_layers[i];
        scene.steer(i + 1, &layers_[i]);
    }
}

// The sums of a row, or a row of the image in floats, and what the kernels keep for themselves.
size_t Int8Rows::scratch() const { return kInt8ScratchBytes + sizeof(int32_t) * int8_sums(width_); }

void Int8Rows::clear_padding(int k, void *row) const {
    if (k != 0) return;
    int32_t *const pixels = static_cast<int32_t *>(row);
    memset(pixels - 3, 0, 3 * sizeof(int32_t));
    memset(pixels + 3 * width_, 0, (3 + kInt8Slack) * sizeof(int32_t));
}

// 0 … 1 -> 0 … 255, to nearest, ties to even, by adding 1.5 * 2^23.
void Int8Rows::read(const RowSource &source, int y, void *scratch, void *row) const {
    constexpr float kRound = 12582912.0f;
    typedef float Floats __attribute__((vector_size(16)));
    typedef int32_t Ints __attribute__((vector_size(16)));
    float *const values = static_cast<float *>(scratch);
    int32_t *const words = static_cast<int32_t *>(row);
    source.read(source.context, y, values);
    for (size_t i = 0; i < 3 * width_; i += 4) {  // up to three too many: slack of both rows
        Floats level;
        memcpy(&level, values + i, sizeof level);
        level *= 255.0f;
        level = level > 0.0f ? level : Floats{};
        level = (level < 255.0f ? level : Floats{} + 255.0f) + kRound - kRound;
        const Ints levels = __builtin_convertvector(level, Ints);
        memcpy(words + i, &levels, sizeof levels);
    }
    memset(words + 3 * width_, 0, 3 * sizeof(int32_t));
}

void Int8Rows::compute(int layer, const Input &input, void *scratch, void *output) const {
    const Int8Layer &weights = layers_[layer - 1];
    const int width = static_cast<int>(width_);
    Int8Input given;
    for (int s = 0; s < 2; ++s)
        for (int r = 0; r < 3; ++r) given.rows[s][r] = static_cast<const int32_t *>(input[s][r]);
    uint8_t *const bytes = static_cast<uint8_t *>(scratch);
    int32_t *const sums = reinterpret_cast<int32_t *>(bytes + kInt8ScratchBytes);
    if (layer == kLayers) return kernels_->map_row(weights, given, width, bytes, sums, static_cast<float *>(output));
    const auto feature_row = layer == 1 ? kernels_->image_row : kernels_->hidden_row;
    feature_row(weights, given, width, bytes, static_cast<int32_t *>(output));
}

}  // namespace dce
