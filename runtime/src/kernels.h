// The kernels: functions from rows to rows, each with a scalar version that is its specification.
//
// Float rows of the network hold a pixel's channels next to each other, (width, channels), with one pixel of zeros before
// and after the row: the padding of the 3x3 convolutions. Pointers to such rows point at the first real pixel. Rows above and
// below the image are rows of zeros.
#ifndef DCELITE_KERNELS_H
#define DCELITE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "model.h"

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

// Order of the channels in memory.
struct PixelLayout {
    int channels;    // bytes a pixel: 3 or 4; the fourth is alpha
    int position[3]; // of red, green and blue within a pixel
};

// What a layer of the network reads for one row of output: three rows of one input, or of two that are concatenated.
struct LayerInput {
    const float *rows[2][3];  // [source][row above, row, row below]
    int channels[2];          // of each source; channels[1] is 0 for a single one
};

enum class Activation { kRelu, kTanh };

struct Kernels {
    const char *name;

    // One layer of Zero-DCE++ for one row: depthwise 3x3, pointwise, activation -> (width, layer.outputs). `scratch` holds
    // kScratchFloats.
    void (*separable_row)(const Layer &layer, const LayerInput &input, int width, Activation activation, float *scratch,
                          float *output);

    // One layer of Zero-DCE for one row: 3x3, activation -> (width, layer.outputs).
    void (*plain_row)(const Layer &layer, const LayerInput &input, int width, Activation activation, float *scratch,
                      float *output);

    // One row of the curve map (map width, map channels) -> map channels / 3 rows (width, layout.channels), one per distinct
    // map, times `strength`, in the order of the image's channels; alpha gets 0, which leaves it as it is. Up to kExpandSlack
    // floats behind the last one may be overwritten.
    void (*expand_row)(const float *map, int map_channels, const Expansion &expansion, PixelLayout layout, float strength,
                       float *output);

    // The curve on one row of `count` 8-bit values, with the map between the expanded rows `above` and `below` at `weight`;
    // each holds `maps` (1 or DCE_ITERATIONS) rows of `count` values, times kByteMap, and up to kExpandSlack floats behind
    // them are read. Source and destination may be the same. A map that is not a number gives 0.
    void (*curve_row)(const uint8_t *source, const float *above, const float *below, float weight, int maps, int count,
                      uint8_t *destination);
};

constexpr int kScratchFloats = 4096;  // intermediate values of a block of pixels: they stay in the first-level cache
constexpr int kExpandSlack = 192;
constexpr float kByteMap = 1.0f / 255.0f;

extern const Kernels kScalarKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kNeonKernels;

// The kernels for the processor, or those that the environment variable DCELITE_ISA names (scalar, avx2, avx512, neon); null
// where the processor, or this build, has no such instructions. `names` receives those that it has, for the message.
const Kernels *select_kernels(const char **requested, char *names, size_t names_size);

// See dce_list_kernels.
size_t list_kernels(char *names, size_t size);

}  // namespace dce

#endif
