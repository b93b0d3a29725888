#include "network/stream.h"

#include <string.h>

namespace dce {
namespace {

size_t round_up(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

bool NetworkStream::start(const Rows &rows, int height, int begin, RowSource source) {
    rows_ = &rows;
    source_ = source;
    height_ = height;
    begin_ = next_ = begin;
    below_ = nullptr;
    has_shared_ = false;

    size_t longest = 0, total = round_up(rows.scratch());
    for (int k = 0; k < kLayers; ++k) {
        rings_[k].stride = round_up(rows.length(k));
        if (rings_[k].stride > longest) longest = rings_[k].stride;
        total += rings_[k].stride * kDepth[k];
    }
    total += 2 * longest;
    const bool shares = begin > 0;  // at the top of the image, nobody is above
    for (int layer = 1; shares && layer <= kLayers; ++layer) total += shared_stride(layer) * kShared[layer];
    if (!memory_.reserve(total)) return false;

    uint8_t *memory = memory_.data();
    memset(memory, 0, longest);
    beyond_[0] = memory;
    memory += longest;
    const int32_t zero = rows.zero();
    for (size_t i = 0; i < longest; i += sizeof zero) memcpy(memory + i, &zero, sizeof zero);
    beyond_[1] = memory;
    memory += longest;
    scratch_ = memory;
    memory += round_up(rows.scratch());
    for (int k = 0; k < kLayers; ++k) {
        rings_[k].rows = memory;
        memory += rings_[k].stride * kDepth[k];
        for (int y = 0; y < kDepth[k]; ++y) rows.clear_padding(k, row(k, y));
        const int first = begin - (kLayers - k);
        rings_[k].next = first > 0 ? first : 0;
    }
    for (int layer = 1; shares && layer <= kLayers; ++layer) {
        shared_[layer] = memory;
        memory += shared_stride(layer) * kShared[layer];
    }
    return true;
}

void NetworkStream::next(float *map) {
    advance(kLayers, next_++, map);
    if (next_ == begin_ + kShared[kLayers]) __atomic_store_n(&has_shared_, true, __ATOMIC_RELEASE);
}

size_t NetworkStream::shared_stride(int layer) const { return round_up(rows_->output_bytes(layer)); }

uint8_t *NetworkStream::row(int k, int y) const {
    return rings_[k].rows + rings_[k].stride * (y % kDepth[k]) + rows_->padding(k);
}

void NetworkStream::set_input(int layer, int y, Rows::Input *input) const {
    for (int s = 0; s < 2; ++s) {
        const int k = kSources[layer - 1][s];
        for (int r = 0; r < 3; ++r) {
            const int source_y = y + r - 1;
            (*input)[s][r] = k < 0                                 ? nullptr
                             : source_y < 0 || source_y >= height_ ? beyond_[k > 0] + rows_->padding(k)
                                                                   : row(k, source_y);
        }
    }
}

// Row y of a layer's output among those that are kept for the stream above; null where it is none of them.
uint8_t *NetworkStream::shared_row(int layer, int y) const {
    const int index = y - (begin_ - (kLayers - layer));
    return begin_ > 0 && index >= 0 && index < kShared[layer] ? shared_[layer] + shared_stride(layer) * index : nullptr;
}

// All or none: after the first row that is taken, rows of the image that the others would need may have been overwritten.
bool NetworkStream::take(int layer, int y, void *output) const {
    const uint8_t *shared = below_ ? below_->shared_row(layer, y) : nullptr;
    if (!shared || !__atomic_load_n(&below_->has_shared_, __ATOMIC_ACQUIRE)) return false;
    memcpy(output, shared, rows_->output_bytes(layer));
    return true;
}

// Row y of a layer's output, of the map for the last one; and of the earlier layers whatever that needs.
void NetworkStream::advance(int layer, int y, void *output) {
    if (!take(layer, y, output)) compute(layer, y, output);
    uint8_t *shared = shared_row(layer, y);
    if (shared) memcpy(shared, output, rows_->output_bytes(layer));
}

void NetworkStream::compute(int layer, int y, void *output) {
    const int below = y + 1 < height_ ? y + 1 : height_ - 1;
    for (const int k : kSources[layer - 1])
        for (; k >= 0 && rings_[k].next <= below; ++rings_[k].next) {
            void *next = row(k, rings_[k].next);
            if (k == 0)
                rows_->read(source_, rings_[k].next, scratch_, next);
            else
                advance(k, rings_[k].next, next);
        }
    Rows::Input input;
    set_input(layer, y, &input);
    rows_->compute(layer, input, scratch_, output);
}

}  // namespace dce
