#include "network.h"

#include <string.h>

#include "network_shape.h"

namespace dce {
namespace {

size_t round_up(size_t floats) {
    constexpr size_t block = kAlignment / sizeof(float);
    return (floats + block - 1) / block * block;
}

}  // namespace

bool NetworkStream::start(const Kernels &kernels, const Model &model, int width, int height, int begin, RowSource source) {
    kernels_ = &kernels;
    model_ = &model;
    if (model.is_int8) return int8_.start(int8_kernels_beside(kernels), model, width, height, begin, source);
    source_ = source;
    width_ = width;
    height_ = height;
    next_ = begin;

    const size_t padded_width = static_cast<size_t>(width) + 2;
    const size_t widest = round_up(padded_width * kFilters);
    size_t offsets[kLayers];
    size_t total = widest + kScratchFloats;
    for (int k = 0; k < kLayers; ++k) {
        rings_[k].channels = k == 0 ? 3 : kFilters;
        rings_[k].depth = kDepth[k];
        offsets[k] = total;
        total += round_up(padded_width * rings_[k].channels) * kDepth[k];
    }
    if (!memory_.reserve(total)) return false;
    memset(memory_.data(), 0, widest * sizeof(float));
    zeros_ = memory_.data();
    scratch_ = memory_.data() + widest;
    for (int k = 0; k < kLayers; ++k) {
        rings_[k].rows = memory_.data() + offsets[k];
        for (int y = 0; y < kDepth[k]; ++y) clear_padding(row(rings_[k], y), rings_[k].channels);
        const int first = begin - (kLayers - k);
        rings_[k].next = first > 0 ? first : 0;
    }
    return true;
}

// Zeroes the pixel to the left and to the right of a row.
void NetworkStream::clear_padding(float *row, int channels) const {
    memset(row - channels, 0, sizeof(float) * channels);
    memset(row + static_cast<ptrdiff_t>(width_) * channels, 0, sizeof(float) * channels);
}

float *NetworkStream::row(Ring &ring, int y) const {
    const size_t stride = round_up((static_cast<size_t>(width_) + 2) * ring.channels);
    return ring.rows + stride * (y % ring.depth) + ring.channels;
}

LayerInput NetworkStream::input_of(int layer, int y) {
    LayerInput input = {};
    for (int s = 0; s < 2; ++s) {
        const int k = kSources[layer - 1][s];
        if (k < 0) continue;
        input.channels[s] = rings_[k].channels;
        for (int r = 0; r < 3; ++r) {
            const int source_y = y + r - 1;
            input.rows[s][r] =
                source_y < 0 || source_y >= height_ ? zeros_ + rings_[k].channels : row(rings_[k], source_y);
        }
    }
    return input;
}

// Computes row y of a layer's output, and of the earlier layers whatever that needs.
void NetworkStream::advance(int layer, int y, float *map) {
    if (layer == 0) {
        source_.read(source_.context, y, row(rings_[0], y));
        return;
    }
    const int below = y + 1 < height_ ? y + 1 : height_ - 1;
    for (Ring &ring = rings_[layer - 1]; ring.next <= below; ++ring.next) advance(layer - 1, ring.next, nullptr);
    const bool last = layer == kLayers;
    const auto convolve =
        model_->architecture == DCE_ARCHITECTURE_ZERODCE ? kernels_->plain_row : kernels_->separable_row;
    convolve(model_->layers[layer - 1], input_of(layer, y), width_, last ? Activation::kTanh : Activation::kRelu, scratch_,
             last ? map : row(rings_[layer], y));
}

void NetworkStream::next(float *map) {
    if (model_->is_int8) return int8_.next(map);
    advance(kLayers, next_++, map);
}

}  // namespace dce
