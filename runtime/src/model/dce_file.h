// The file format .dce: little endian; a header of 64 bytes, then the weights.
//
//   0  8 bytes  magic 89 44 43 45 0D 0A 1A 0A: a high bit and line ends, so that a transfer as text is noticed
//   8  u32      format version, 1
//  12  u32      CRC-32 (IEEE 802.3) of all bytes from 16 to the end
//  16  u32      file size in bytes
//  20  u32      architecture: 1 Zero-DCE++, 2 Zero-DCE, 3 Zero-DCE++ with a scene head
//  24  u32      precision: 0 float32, 1 int8 (not of Zero-DCE)
//  28  u32      scale, 1 … 64
//  32  u32      iterations, 8
//  36  u32      filters, 32
//  40  u32      map channels: 3, or 24 (Zero-DCE)
//  44  20 bytes zero
//  64  layers 1 to 7, float32: Zero-DCE++ depthwise weight (in, 3, 3), bias (in), pointwise weight (out, in), bias (out);
//                              Zero-DCE weight (out, in, 3, 3), bias (out)
//      layers 1 to 7, int8: depthwise weight int8 (in, 3, 3), bias int32 (in), multiplier float32 (in),
//                           pointwise weight int8 (out, in), bias int32 (out), multiplier float32 (out); see
//                           dsp/convolution_int8.h
//      scene head, float32 in either precision: hidden weight (16, 35), bias (16), output weight (64, 16), bias (64); see
//                           network/scene.h. In int8 its outputs are in units of the sums that they are added to
#ifndef DCELITE_MODEL_DCE_FILE_H
#define DCELITE_MODEL_DCE_FILE_H

#include "dsp/weights.h"
#include "error.h"

namespace dce {

constexpr uint8_t kDceMagic[8] = {0x89, 'D', 'C', 'E', '\r', '\n', 0x1a, '\n'};
constexpr uint32_t kDceVersion = 1;
constexpr size_t kDceHeaderSize = 64;
constexpr size_t kDceChecked = 16;     // where the checksum begins
constexpr uint32_t kDceFloat32 = 0;    // precision
constexpr uint32_t kDceInt8 = 1;
constexpr size_t kLargestDce = 1 << 20;  // bytes; the largest valid file, Zero-DCE in float32, has 317,728

// What keeps sums of int8 within 32 bits and products within the range of a conversion to integers: the largest sum of weights
// times values is 64 * 255 * 127 < 2^21, the largest sum of weights times 128 is below 2^20.
constexpr int32_t kLargestBias = 1 << 29;
constexpr float kLargestMultiplier = 1.0f;

// The fields behind the magic, in their order.
struct DceHeader {
    uint32_t version, checksum, file_size, architecture, precision, scale, iterations, filters, map_channels;
};

// Refuses what is no .dce file, or one that this library does not know; all but the weights. `name` is what the error message
// calls it.
dce_status read_dce_header(const uint8_t *bytes, size_t size, const char *name, DceHeader *header, Error *error);

// Bytes that the weights of a layer take in a file.
size_t dce_layer_bytes(const LayerShape &shape, bool separable, bool is_int8);

// Read `count` floats: null, or what is wrong.
const char *read_dce_floats(const uint8_t *bytes, size_t count, float *values);

// Read the weights of a layer: those of floats one after the other, layer_parameters() of them. Null, or what is wrong.
const char *read_dce_layer(const uint8_t *bytes, const LayerShape &shape, bool separable, float *values);
const char *read_dce_layer(const uint8_t *bytes, const LayerShape &shape, Int8Values *values);

}  // namespace dce

#endif
