// What rows of the network look like in one precision, and how they are computed: FloatRows, Int8Rows, FixedRows.
#ifndef DCELITE_NETWORK_ROWS_H
#define DCELITE_NETWORK_ROWS_H

#include <string.h>

#include "network/shape.h"

namespace dce {

// Output k is that of layer k, 0 the image. Rows are handed over at their first pixel; sizes are in bytes.
class Rows {
public:
    // The rows above, at and below the one that is computed, of each source; null where there is no second source.
    typedef const void *Input[2][3];

    virtual size_t length(int) const { return 0; }   // of a row of output k, with what stands before and behind the pixels
    virtual size_t padding(int) const { return 0; }  // before the first pixel
    virtual int32_t zero() const { return 0; }        // what rows of outputs beyond the picture are full of; the image's have zeros
    virtual size_t scratch() const { return 0; }      // that the others need besides

    // Zeroes what is not pixels in a row of output k: a pixel at each end.
    virtual void clear_padding(int k, void *row) const {
        uint8_t *const pixels = static_cast<uint8_t *>(row);
        memset(pixels - padding(k), 0, padding(k));
        memset(pixels + width_ * padding(k), 0, padding(k));
    }

    // Row y of the image, in floats.
    virtual void read(const RowSource &source, int y, void *, void *row) const {
        source.read(source.context, y, static_cast<float *>(row));
    }

    // A row of a layer, of the map for the last one: layer, input, scratch, output; and how long it is.
    virtual void compute(int, const Input &, void *, void *) const {}
    virtual size_t output_bytes(int) const { return 0; }

protected:
    ~Rows() = default;

    size_t width_ = 0;  // pixels
};

}  // namespace dce

#endif
