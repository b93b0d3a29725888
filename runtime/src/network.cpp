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
    below_ = nullptr;
    if (model.is_int8) return int8_.start(int8_kernels_beside(kernels), model, width, height, begin, source);
    source_ = source;
    width_ = width;
    height_ = height;
    begin_ = next_ = begin;

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
    size_t shared_offsets[kLayers + 1];
    for (int k = 1; k <= kLayers; ++k) {
        shared_offsets[k] = total;
        if (begin > 0) total += round_up(row_floats(k)) * kShared[k];  // at the top of the image, nobody is above
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
    for (int k = 1; k <= kLayers; ++k) shared_[k] = memory_.data() + shared_offsets[k];
    has_shared_ = false;
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

size_t NetworkStream::row_floats(int layer) const {
    return static_cast<size_t>(width_) * static_cast<size_t>(layer == kLayers ? model_->layers[layer - 1].outputs : kFilters);
}

// Row y of a layer's output among those that are kept for the stream above; null where it is none of them.
float *NetworkStream::shared_row(int layer, int y) const {
    const int index = y - (begin_ - (kLayers - layer));
    return begin_ > 0 && index >= 0 && index < kShared[layer] ? shared_[layer] + round_up(row_floats(layer)) * index : nullptr;
}

// All or none: after the first row that is taken, rows of the image that the others would need may have been overwritten.
bool NetworkStream::take(int layer, int y, float *output) const {
    const float *shared = below_ ? below_->shared_row(layer, y) : nullptr;
    if (!shared || !__atomic_load_n(&below_->has_shared_, __ATOMIC_ACQUIRE)) return false;
    memcpy(output, shared, row_floats(layer) * sizeof(float));
    return true;
}

void NetworkStream::share(int layer, int y, const float *output) {
    float *shared = shared_row(layer, y);
    if (shared) memcpy(shared, output, row_floats(layer) * sizeof(float));
}

// Row y of a layer's output, of the map for the last one; and of the earlier layers whatever that needs.
void NetworkStream::advance(int layer, int y, float *map) {
    if (layer == 0) return source_.read(source_.context, y, row(rings_[0], y));
    float *output = layer == kLayers ? map : row(rings_[layer], y);
    if (!take(layer, y, output)) compute(layer, y, output);
    share(layer, y, output);
}

void NetworkStream::compute(int layer, int y, float *output) {
    const int below = y + 1 < height_ ? y + 1 : height_ - 1;
    for (const int source : kSources[layer - 1])
        if (source >= 0)
            for (Ring &ring = rings_[source]; ring.next <= below; ++ring.next) advance(source, ring.next, nullptr);
    const auto convolve =
        model_->architecture == DCE_ARCHITECTURE_ZERODCE ? kernels_->plain_row : kernels_->separable_row;
    convolve(model_->layers[layer - 1], input_of(layer, y), width_, layer == kLayers ? Activation::kTanh : Activation::kRelu,
             scratch_, output);
}

void NetworkStream::next(float *map) {
    if (model_->is_int8) return int8_.next(map);
    advance(kLayers, next_++, map);
    if (next_ == begin_ + kShared[kLayers]) __atomic_store_n(&has_shared_, true, __ATOMIC_RELEASE);
}

}  // namespace dce
