// The int8 network as a stream of rows, as network.h does it for floats.
#ifndef DCELITE_NETWORK_INT8_H
#define DCELITE_NETWORK_INT8_H

#include "kernels_int8.h"
#include "network_shape.h"

namespace dce {

class Int8NetworkStream {
public:
    // See NetworkStream.
    bool start(const Int8Kernels &kernels, const Model &model, int width, int height, int begin, RowSource source);
    void next(float *map);

private:
    // The rows of one layer's output that later layers still need, as a ring; and how far it has come.
    struct Ring {
        int32_t *rows;
        size_t stride;  // words from a row to the next
        int depth;
        int next;       // the row that is computed next
    };

    int32_t *row(const Ring &ring, int y) const { return ring.rows + ring.stride * (y % ring.depth); }
    Int8Input input_of(int layer, int y) const;
    void advance(int layer, int y, float *map);

    const Int8Kernels *kernels_ = nullptr;
    const Model *model_ = nullptr;
    RowSource source_ = {};
    int width_ = 0, height_ = 0, next_ = 0;
    Ring rings_[kLayers];  // [0] the image, [k] the output of layer k
    const int32_t *zeros_ = nullptr;
    int32_t *sums_ = nullptr;
    Buffer<int32_t> memory_;
    Buffer<float> image_row_;  // (width, 3)
    Buffer<uint8_t> scratch_;
};

}  // namespace dce

#endif
