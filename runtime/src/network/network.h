// The curve network of a model, in the precision of its weights, as a stream of rows: see stream.h.
#ifndef DCELITE_NETWORK_NETWORK_H
#define DCELITE_NETWORK_NETWORK_H

#include "network/fixed_rows.h"
#include "network/float_rows.h"
#include "network/int8_rows.h"
#include "network/stream.h"

namespace dce {

class CurveNetwork {
public:
    // Prepares to compute the curve map, of width x height, from row `begin` on. `scene`, which stays the caller's, has been
    // set to the picture if it is used. False: no memory.
    bool start(const Dsp &dsp, const Model &model, const Scene &scene, int width, int height, int begin, RowSource source);

    // Takes the rows that both need from `below`, a stream that begins where this one ends, if it has them all in time. Both
    // have been started, and neither runs. Null: computes everything, as it does after start.
    void take_from(const CurveNetwork *below) { stream_.take_from(below ? &below->stream_ : nullptr); }

    // The next row of the map (width, map channels) into `map`. Not to be called beyond the last row of the map.
    void next(float *map) { stream_.next(map); }

private:
    FloatRows floats_;  // one of these three
    Int8Rows int8_;
    FixedRows fixed_;
    NetworkStream stream_;
};

}  // namespace dce

#endif
