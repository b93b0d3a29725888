// Where the output positions of the two resizes sample their inputs.
#ifndef DCELITE_RESIZE_H
#define DCELITE_RESIZE_H

#include "kernels.h"

namespace dce {

inline int low_resolution(int size, int scale) { return (size + scale - 1) / scale; }

// Downsampling `size` pixels to `low` with half-pixel centres: src = (i + 0.5) size/low - 0.5, clamped.
Sample downsample_at(int i, int size, int low);

// Upsampling `low` positions to `size` with aligned corners: src = i (low - 1) / (size - 1).
Sample upsample_at(int i, int size, int low);

// Upsampling a whole row. `runs` has room for `low` of them, and stays with the caller.
Expansion upsample_row(int size, int low, Run *runs);

}  // namespace dce

#endif
