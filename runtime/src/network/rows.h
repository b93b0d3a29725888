// What rows of the network look like in one precision, and how they are computed: FloatRows, Int8Rows, FixedRows.
#ifndef DCELITE_NETWORK_ROWS_H
#define DCELITE_NETWORK_ROWS_H

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
    virtual void clear_padding(int, void *) const {}  // of output k: zeroes what is not pixels
    virtual size_t scratch() const { return 0; }      // that the next two need besides

    // Row y of the image: source, y, scratch, row.
    virtual void read(const RowSource &, int, void *, void *) const {}

    // A row of a layer, of the map for the last one: layer, input, scratch, output; and how long it is.
    virtual void compute(int, const Input &, void *, void *) const {}
    virtual size_t output_bytes(int) const { return 0; }

protected:
    ~Rows() = default;
};

}  // namespace dce

#endif
