// The curve network as a stream of rows: rows of the downsampled image go in, rows of the curve map come out, and only the
// rows that a 3x3 convolution still needs are kept. Memory grows with the width of the picture, not with its height.
#ifndef DCELITE_NETWORK_H
#define DCELITE_NETWORK_H

#include "kernels.h"
#include "network_int8.h"

namespace dce {

// Rows of context that a row of the map needs above and below: one for each layer.
constexpr int kHalo = kLayers;

class NetworkStream {
public:
    // Prepares to compute the curve map, of width x height, from row `begin` on. False: no memory.
    bool start(const Kernels &kernels, const Model &model, int width, int height, int begin, RowSource source);

    // Takes the rows that both need from `below`, a stream that begins where this one ends, if it has them all in time. Both
    // have been started, and neither runs. Null: computes everything, as it does after start.
    void take_from(const NetworkStream *below) { below_ = below; }

    // The next row of the map (width, map channels) into `map`. Not to be called beyond the last row of the map.
    void next(float *map);

private:
    // The rows of one layer's output that later layers still need, as a ring; and how far it has come.
    struct Ring {
        float *rows;       // `depth` rows of (width + 2) pixels
        int depth;
        int channels;
        int next;          // the row that is computed next
    };

    void clear_padding(float *row, int channels) const;
    float *row(Ring &ring, int y) const;
    LayerInput input_of(int layer, int y);
    void advance(int layer, int y, float *map);
    void compute(int layer, int y, float *output);
    float *shared_row(int layer, int y) const;
    size_t row_floats(int layer) const;
    bool take(int layer, int y, float *output) const;
    void share(int layer, int y, const float *output);

    const Kernels *kernels_ = nullptr;
    const Model *model_ = nullptr;
    RowSource source_ = {};
    int width_ = 0, height_ = 0, begin_ = 0, next_ = 0;
    Ring rings_[kLayers];  // [0] the input, [k] the output of layer k; the last layer writes to the caller's map
    float *shared_[kLayers + 1] = {};  // kShared rows of each layer, without padding, for the stream above
    bool has_shared_ = false;          // all of them; written and read atomically
    const NetworkStream *below_ = nullptr;
    const float *zeros_ = nullptr;
    float *scratch_ = nullptr;
    Buffer<float> memory_;
    Int8NetworkStream int8_;  // of an int8 model, which it computes instead
};

}  // namespace dce

#endif
