// A model in memory, and the reader of `.dce` files.
//
// A .dce file is little endian: a header of 64 bytes, then the weights.
//
//   0  8 bytes  magic 89 44 43 45 0D 0A 1A 0A: a high bit and line ends, so that a transfer as text is noticed
//   8  u32      format version, 1
//  12  u32      CRC-32 (IEEE 802.3) of all bytes from 16 to the end
//  16  u32      file size in bytes
//  20  u32      architecture: 1 Zero-DCE++, 2 Zero-DCE
//  24  u32      precision: 0 float32, 1 int8 (Zero-DCE++ only)
//  28  u32      scale, 1 … 64
//  32  u32      iterations, 8
//  36  u32      filters, 32
//  40  u32      map channels: 3 (Zero-DCE++) or 24 (Zero-DCE)
//  44  20 bytes zero
//  64  layers 1 to 7, float32: Zero-DCE++ depthwise weight (in, 3, 3), bias (in), pointwise weight (out, in), bias (out);
//                              Zero-DCE weight (out, in, 3, 3), bias (out)
//      layers 1 to 7, int8: depthwise weight int8 (in, 3, 3), bias int32 (in), multiplier float32 (in),
//                           pointwise weight int8 (out, in), bias int32 (out), multiplier float32 (out); see kernels_int8.h
#ifndef DCELITE_MODEL_H
#define DCELITE_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "memory.h"

namespace dce {

constexpr int kLayers = 7;
constexpr int kFilters = 32;
constexpr int kTaps = 9;  // of a 3x3 kernel

// Output channels are padded with zero weights to a multiple of this, so that kernels may work on whole vectors.
constexpr int kChannelBlock = 16;

// Pixels of the image over which the weights of layer 1 are repeated: at least the floats of a vector.
constexpr int kRepeated = 16;

constexpr int padded_channels(int channels) { return (channels + kChannelBlock - 1) / kChannelBlock * kChannelBlock; }

// One layer, its weights in the order in which the kernels read them.
struct Layer {
    int inputs = 0;              // channels: 3, 32, or 64 for a concatenation of two layers
    int outputs = 0;             // channels
    const float *depth = nullptr;       // Zero-DCE++: (9, inputs); null for Zero-DCE
    const float *depth_bias = nullptr;  // (inputs)
    const float *weight = nullptr;      // Zero-DCE++: (inputs, padded outputs); Zero-DCE: (9, inputs, padded outputs)
    const float *bias = nullptr;        // (padded outputs)

    // Zero-DCE++, the same numbers in the order that suits vectors. Layer 1, whose pixels are 3 floats: depth and, as the
    // last row, depth_bias, repeated over kRepeated pixels (kTaps + 1, 3 * kRepeated). Layer 7, whose outputs are 3: weight
    // by output (3, inputs).
    const float *repeated_depth = nullptr;
    const float *transposed_weight = nullptr;

    int padded_outputs() const { return padded_channels(outputs); }
};

// One layer of an int8 model. Weights stand four to a word, lowest byte first.
struct Int8Layer {
    int inputs = 0;                            // channels: 3, 32 or 64
    int outputs = 0;
    const int32_t *depth = nullptr;            // (3 rows, inputs): the weights of a row of the kernel, then 0
    const int32_t *depth_bias = nullptr;       // (inputs)
    const int32_t *depth_bias_signed = nullptr;  // the same for kernels that read values as 128 less than they are
    const float *depth_multiplier = nullptr;   // (inputs)
    const int32_t *point = nullptr;            // (inputs / 4, padded outputs): the weights of four inputs
    const int32_t *bias = nullptr;             // (padded outputs)
    const int32_t *bias_signed = nullptr;
    const float *multiplier = nullptr;         // (padded outputs)

    int padded_outputs() const { return padded_channels(outputs); }
};

struct Model {
    dce_architecture architecture = DCE_ARCHITECTURE_ZERODCEPP;
    bool is_int8 = false;
    int scale = 0;
    int map_channels = 0;
    int parameters = 0;
    Layer layers[kLayers];
    Int8Layer int8_layers[kLayers];  // of an int8 model, which has no weights in `layers`
    Buffer<float> weights;           // what the layers point into
    Buffer<int32_t> integers;
};

// Writes Layer::repeated_depth to `packed`.
void repeat_depth(const Layer &layer, float *packed);

// Writes Layer::transposed_weight to `packed`.
void transpose_weight(const Layer &layer, float *packed);

// Reads the bytes of a .dce file. `name` is what the error message calls it.
dce_status read_model(const uint8_t *bytes, size_t size, const char *name, Model *model, Error *error);

// Reads a .dce file.
dce_status read_model_file(const char *path, Model *model, Error *error);

// The bytes of the shipped weights, generated from models/zerodcepp.dce at build time.
extern const uint8_t kDefaultModel[];
extern const size_t kDefaultModelSize;

}  // namespace dce

#endif
