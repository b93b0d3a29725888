// The curve network as a stream of rows: rows of the downsampled image go in, rows of the curve map come out, and only the
// rows that a 3x3 convolution still needs are kept. Memory grows with the width of the picture, not with its height.
//
// Rows, FloatRows or Int8Rows, says what rows of either precision look like and computes them:
//
//   Value, Input              of a row, in memory; what a layer reads
//   length(k)                 values of a row of output k (0 is the image), with what stands before and behind the pixels
//   padding(k)                values before the first pixel
//   zero()                    what rows of outputs beyond the picture are full of; those of the image are zero
//   clear_padding(k, row)     zeroes what is not pixels; `row` points at the first one
//   scratch()                 values of memory that the next two need besides
//   read(source, y, scratch, row)
//   compute(layer, input, scratch, output)  a row; of the last layer, the map's
//   output_bytes(layer)       of such a row
#ifndef DCELITE_NETWORK_STREAM_H
#define DCELITE_NETWORK_STREAM_H

#include <string.h>

#include "dsp/dsp.h"
#include "network/shape.h"

namespace dce {

template <typename Rows>
class NetworkStream {
public:
    // See CurveNetwork.
    bool start(const Dsp &dsp, const Model &model, const Scene &scene, int width, int height, int begin, RowSource source) {
        rows_ = Rows(dsp, model, scene, width);
        source_ = source;
        height_ = height;
        begin_ = next_ = begin;
        below_ = nullptr;
        has_shared_ = false;

        size_t longest = 0, total = round_up(rows_.scratch());
        for (int k = 0; k < kLayers; ++k) {
            rings_[k].stride = round_up(rows_.length(k));
            if (rings_[k].stride > longest) longest = rings_[k].stride;
            total += rings_[k].stride * kDepth[k];
        }
        total += 2 * longest;
        const bool shares = begin > 0;  // at the top of the image, nobody is above
        for (int layer = 1; shares && layer <= kLayers; ++layer) total += shared_stride(layer) * kShared[layer];
        if (!memory_.reserve(total)) return false;

        Value *memory = memory_.data();
        memset(memory, 0, longest * sizeof(Value));
        beyond_[0] = memory;
        memory += longest;
        for (size_t i = 0; i < longest; ++i) memory[i] = rows_.zero();
        beyond_[1] = memory;
        memory += longest;
        scratch_ = memory;
        memory += round_up(rows_.scratch());
        for (int k = 0; k < kLayers; ++k) {
            rings_[k].rows = memory;
            memory += rings_[k].stride * kDepth[k];
            for (int y = 0; y < kDepth[k]; ++y) rows_.clear_padding(k, row(k, y));
            const int first = begin - (kLayers - k);
            rings_[k].next = first > 0 ? first : 0;
        }
        for (int layer = 1; shares && layer <= kLayers; ++layer) {
            shared_[layer] = memory;
            memory += shared_stride(layer) * kShared[layer];
        }
        return true;
    }

    void take_from(const NetworkStream *below) { below_ = below; }

    void next(float *map) {
        advance(kLayers, next_++, map);
        if (next_ == begin_ + kShared[kLayers]) __atomic_store_n(&has_shared_, true, __ATOMIC_RELEASE);
    }

private:
    using Value = typename Rows::Value;

    // The rows of one layer's output that later layers still need, as a ring; and how far it has come.
    struct Ring {
        Value *rows;
        size_t stride;  // values from a row to the next
        int next;       // the row that is computed next
    };

    static size_t round_up(size_t values) {
        constexpr size_t block = kAlignment / sizeof(Value);
        return (values + block - 1) / block * block;
    }

    size_t shared_stride(int layer) const { return round_up(rows_.output_bytes(layer) / sizeof(Value)); }
    Value *row(int k, int y) const { return rings_[k].rows + rings_[k].stride * (y % kDepth[k]) + rows_.padding(k); }

    typename Rows::Input input_of(int layer, int y) const {
        typename Rows::Input input = {};
        for (int s = 0; s < 2; ++s) {
            const int k = kSources[layer - 1][s];
            for (int r = 0; k >= 0 && r < 3; ++r) {
                const int source_y = y + r - 1;
                input.rows[s][r] = source_y < 0 || source_y >= height_ ? beyond_[k > 0] + rows_.padding(k) : row(k, source_y);
            }
        }
        return input;
    }

    // Row y of a layer's output among those that are kept for the stream above; null where it is none of them.
    Value *shared_row(int layer, int y) const {
        const int index = y - (begin_ - (kLayers - layer));
        return begin_ > 0 && index >= 0 && index < kShared[layer] ? shared_[layer] + shared_stride(layer) * index : nullptr;
    }

    // All or none: after the first row that is taken, rows of the image that the others would need may have been overwritten.
    bool take(int layer, int y, void *output) const {
        const Value *shared = below_ ? below_->shared_row(layer, y) : nullptr;
        if (!shared || !__atomic_load_n(&below_->has_shared_, __ATOMIC_ACQUIRE)) return false;
        memcpy(output, shared, rows_.output_bytes(layer));
        return true;
    }

    // Row y of a layer's output, of the map for the last one; and of the earlier layers whatever that needs.
    void advance(int layer, int y, void *output) {
        if (!take(layer, y, output)) compute(layer, y, output);
        Value *shared = shared_row(layer, y);
        if (shared) memcpy(shared, output, rows_.output_bytes(layer));
    }

    void compute(int layer, int y, void *output) {
        const int below = y + 1 < height_ ? y + 1 : height_ - 1;
        for (const int k : kSources[layer - 1])
            for (; k >= 0 && rings_[k].next <= below; ++rings_[k].next) {
                Value *next = row(k, rings_[k].next);
                if (k == 0)
                    rows_.read(source_, rings_[k].next, scratch_, next);
                else
                    advance(k, rings_[k].next, next);
            }
        rows_.compute(layer, input_of(layer, y), scratch_, output);
    }

    Rows rows_;
    RowSource source_ = {};
    int height_ = 0, begin_ = 0, next_ = 0;
    Ring rings_[kLayers];  // [0] the image, [k] the output of layer k; the last layer writes to the caller's map
    Value *shared_[kLayers + 1] = {};  // kShared rows of each layer, without padding, for the stream above
    bool has_shared_ = false;          // all of them; written and read atomically
    const NetworkStream *below_ = nullptr;
    const Value *beyond_[2] = {};  // rows above and below: of the image, of outputs
    Value *scratch_ = nullptr;
    Buffer<Value> memory_;
};

}  // namespace dce

#endif
