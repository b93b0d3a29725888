// Where the output positions of the two resizes sample their inputs.
#ifndef DCELITE_DSP_RESIZE_H
#define DCELITE_DSP_RESIZE_H

#include <stdint.h>

namespace dce {

// Where an output position samples an input axis: between `first` and `second`, at `weight` of the way.
struct Sample {
    int32_t first;
    int32_t second;  // first + 1, or first at the end of the axis
    float weight;    // 0 … 1
};

// Pixels `begin` to `end` - 1 of a row that lie between the same columns `first` and `second` of the map, the first of them at
// `weight` of the way.
struct Run {
    int32_t begin, end;
    int32_t first, second;
    float weight;
};

// How a row of the map becomes one of `width` pixels: run by run, and within a run the weight grows by `slope` a pixel.
struct Expansion {
    const Run *runs;
    int count;
    int width;
    float slope;
};

inline int low_resolution(int size, int scale) { return (size + scale - 1) / scale; }

// Downsampling `size` pixels to `low` with half-pixel centers: src = (i + 0.5) size/low - 0.5, clamped.
Sample downsample_at(int i, int size, int low);

// Upsampling `low` positions to `size` with aligned corners: src = i (low - 1) / (size - 1).
Sample upsample_at(int i, int size, int low);

// Upsampling a whole row. `runs` has room for `low` of them, and stays with the caller.
Expansion upsample_row(int size, int low, Run *runs);

}  // namespace dce

#endif
