#include "network/int8_rows.h"

#include <math.h>
#include <string.h>

namespace dce {

void Int8Rows::clear_padding(int k, int32_t *row) const {
    if (k != 0) return;
    memset(row - 3, 0, 3 * sizeof(int32_t));
    memset(row + 3 * width_, 0, (3 + kInt8Slack) * sizeof(int32_t));
}

// 0 … 1 -> 0 … 255, to nearest, ties to even.
void Int8Rows::read(const RowSource &source, int y, int32_t *scratch, int32_t *row) const {
    float *values = reinterpret_cast<float *>(scratch);
    source.read(source.context, y, values);
    for (size_t i = 0; i < 3 * width_; ++i) {
        const int32_t level = static_cast<int32_t>(lrintf(values[i] * 255.0f));
        row[i] = level < 0 ? 0 : level > 255 ? 255 : level;
    }
}

void Int8Rows::compute(int layer, const Int8Input &input, int32_t *scratch, void *output) const {
    const Int8Layer &weights = model_->int8_layers[layer - 1];
    const int width = static_cast<int>(width_);
    uint8_t *bytes = reinterpret_cast<uint8_t *>(scratch);
    int32_t *sums = scratch + kInt8ScratchBytes / sizeof(int32_t);
    if (layer == kLayers) return kernels_->map_row(weights, input, width, bytes, sums, static_cast<float *>(output));
    const auto feature_row = layer == 1 ? kernels_->image_row : kernels_->hidden_row;
    feature_row(weights, input, width, bytes, static_cast<int32_t *>(output));
}

}  // namespace dce
