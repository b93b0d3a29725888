#include "network_int8.h"

#include <string.h>

namespace dce {
namespace {

size_t round_up(size_t words) {
    constexpr size_t block = kAlignment / sizeof(int32_t);
    return (words + block - 1) / block * block;
}

// Words of a row: of the image, where 3 words of zeros stand before the first pixel, and of pairs of pixels.
size_t row_words(int k, int width) {
    const size_t pixels = static_cast<size_t>(width);
    return round_up(k == 0 ? 3 * (pixels + 2) + kInt8Slack : (pixels + 1) / 2 * kPairWords);
}

}  // namespace

bool Int8NetworkStream::start(const Int8Kernels &kernels, const Model &model, int width, int height, int begin,
                              RowSource source) {
    kernels_ = &kernels;
    model_ = &model;
    source_ = source;
    width_ = width;
    height_ = height;
    next_ = begin;

    const size_t longest = row_words(0, width) > row_words(1, width) ? row_words(0, width) : row_words(1, width);
    size_t offsets[kLayers];
    size_t total = longest + round_up(int8_sums(width));
    for (int k = 0; k < kLayers; ++k) {
        offsets[k] = total;
        total += row_words(k, width) * kDepth[k];
    }
    if (!memory_.reserve(total) || !image_row_.reserve(3 * static_cast<size_t>(width)) ||
        !scratch_.reserve(kInt8ScratchBytes))
        return false;
    memset(memory_.data(), 0, total * sizeof(int32_t));  // the padding of the image's rows, and the row of zeros
    zeros_ = memory_.data();
    sums_ = memory_.data() + longest;
    for (int k = 0; k < kLayers; ++k) {
        const int first = begin - (kLayers - k);
        rings_[k] = {memory_.data() + offsets[k], row_words(k, width), kDepth[k], first > 0 ? first : 0};
    }
    return true;
}

Int8Input Int8NetworkStream::input_of(int layer, int y) const {
    Int8Input input = {};
    for (int s = 0; s < 2; ++s) {
        const int k = kSources[layer - 1][s];
        if (k < 0) continue;
        const int padding = k == 0 ? 3 : 0;
        for (int r = 0; r < 3; ++r) {
            const int source_y = y + r - 1;
            input.rows[s][r] = (source_y < 0 || source_y >= height_ ? zeros_ : row(rings_[k], source_y)) + padding;
        }
    }
    return input;
}

// Computes row y of a layer's output, and of the earlier layers whatever that needs.
void Int8NetworkStream::advance(int layer, int y, float *map) {
    if (layer == 0) {
        source_.read(source_.context, y, image_row_.data());
        return quantise_row(image_row_.data(), 3 * width_, row(rings_[0], y) + 3);
    }
    const int below = y + 1 < height_ ? y + 1 : height_ - 1;
    for (Ring &ring = rings_[layer - 1]; ring.next <= below; ++ring.next) advance(layer - 1, ring.next, nullptr);
    const Int8Layer &weights = model_->int8_layers[layer - 1];
    const Int8Input input = input_of(layer, y);
    if (layer == kLayers) return kernels_->map_row(weights, input, width_, scratch_.data(), sums_, map);
    const auto feature_row = layer == 1 ? kernels_->image_row : kernels_->hidden_row;
    feature_row(weights, input, width_, scratch_.data(), row(rings_[layer], y));
}

void Int8NetworkStream::next(float *map) { advance(kLayers, next_++, map); }

}  // namespace dce
