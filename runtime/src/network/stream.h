// The curve network as a stream of rows: rows of the downsampled image go in, rows of the curve map come out, and only the
// rows that a 3x3 convolution still needs are kept. Memory grows with the width of the picture, not with its height.
#ifndef DCELITE_NETWORK_STREAM_H
#define DCELITE_NETWORK_STREAM_H

#include "memory.h"
#include "network/rows.h"

namespace dce {

class NetworkStream {
public:
    // See CurveNetwork. The rows stay the caller's.
    bool start(const Rows &rows, int height, int begin, RowSource source);
    void take_from(const NetworkStream *below) { below_ = below; }
    void next(float *map);

private:
    // The rows of one layer's output that later layers still need, as a ring; and how far it has come.
    struct Ring {
        uint8_t *rows;
        size_t stride;  // bytes from a row to the next
        int next;       // the row that is computed next
    };

    size_t shared_stride(int layer) const;
    uint8_t *row(int k, int y) const;
    void set_input(int layer, int y, Rows::Input *input) const;
    uint8_t *shared_row(int layer, int y) const;
    bool take(int layer, int y, void *output) const;
    void advance(int layer, int y, void *output);
    void compute(int layer, int y, void *output);

    const Rows *rows_ = nullptr;
    RowSource source_ = {};
    int height_ = 0, begin_ = 0, next_ = 0;
    Ring rings_[kLayers];                // [0] the image, [k] the output of layer k; the last layer writes to the caller's map
    uint8_t *shared_[kLayers + 1] = {};  // kShared rows of each layer, without padding, for the stream above
    bool has_shared_ = false;            // all of them; written and read atomically
    const NetworkStream *below_ = nullptr;
    const uint8_t *beyond_[2] = {};  // rows above and below: of the image, of outputs
    uint8_t *scratch_ = nullptr;
    Buffer<uint8_t> memory_;
};

}  // namespace dce

#endif
