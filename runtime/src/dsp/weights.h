// The weights of a layer, in the order in which the kernels read them, and how they come into it.
#ifndef DCELITE_DSP_WEIGHTS_H
#define DCELITE_DSP_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

namespace dce {

constexpr int kFilters = 32;
constexpr int kTaps = 9;  // of a 3x3 kernel

// Output channels are padded with zero weights to a multiple of this, so that kernels may work on whole vectors.
constexpr int kChannelBlock = 16;

// Pixels of the image over which the weights of layer 1 are repeated: at least the floats of a vector.
constexpr int kRepeated = 16;

constexpr int padded_channels(int channels) { return (channels + kChannelBlock - 1) / kChannelBlock * kChannelBlock; }

struct LayerShape {
    int inputs = 0;   // channels: 3, 32, or 64 for a concatenation of two layers
    int outputs = 0;  // channels

    int padded_outputs() const { return padded_channels(outputs); }
};

struct Layer : LayerShape {
    const float *depth = nullptr;       // Zero-DCE++: (9, inputs); null for Zero-DCE
    const float *depth_bias = nullptr;  // (inputs)
    const float *weight = nullptr;      // Zero-DCE++: (inputs, padded outputs); Zero-DCE: (9, inputs, padded outputs)
    const float *bias = nullptr;        // (padded outputs)

    // Zero-DCE++, the same numbers in the order that suits vectors. Layer 1, whose pixels are 3 floats: depth and, as the
    // last row, depth_bias, repeated over kRepeated pixels (kTaps + 1, 3 * kRepeated). Layer 7, whose outputs are 3: weight
    // by output (3, inputs).
    const float *repeated_depth = nullptr;
    const float *transposed_weight = nullptr;
};

// Weights stand four to a word, lowest byte first.
struct Int8Layer : LayerShape {
    const int32_t *depth = nullptr;            // (3 rows, inputs): the weights of a row of the kernel, then 0
    const int32_t *depth_bias = nullptr;       // (inputs)
    const int32_t *depth_bias_signed = nullptr;  // the same for kernels that read values as 128 less than they are
    const float *depth_multiplier = nullptr;   // (inputs)
    const int32_t *point = nullptr;            // (inputs / 4, padded outputs): the weights of four inputs
    const int32_t *bias = nullptr;             // (padded outputs)
    const int32_t *bias_signed = nullptr;
    const float *multiplier = nullptr;         // (padded outputs)
};

// Of Zero-DCE++ in 16-bit fixed point: see dsp/convolution_fixed.h. Channels that matter come first, of inputs and outputs; the
// others are neither computed nor read.
struct FixedLayer : LayerShape {
    alignas(64) int16_t depth[kTaps * 2 * kFilters];  // (9, inputs)
    int16_t depth_bias[2 * kFilters];                 // (inputs)
    int16_t point[2 * kFilters * kFilters];  // (used inputs / 2, padded outputs, 2); where sums are short: (used inputs, padded
                                             // outputs)
    int32_t bias[kFilters];                  // (padded outputs), with what rounds the sum
    float scale[kFilters];                   // (outputs): what a sum is for 1; of layer 1, an output
    double constant[kFilters];               // (outputs): what the inputs that are not read add to the bias
    int32_t half, largest_bias;
    int shift;                // of the sums, for outputs
    int used[2];              // inputs that are read, of each source
    int kept;                 // outputs that are computed
    uint8_t order[kFilters];  // (outputs): which of the model's channels each is

    // What a bias is among the sums of output `o`.
    int32_t bias_of(int o, double value) const;
};

// A layer as models have it. Zero-DCE++: depthwise weight (inputs, 3, 3) and bias (inputs), pointwise weight (outputs, inputs)
// and bias (outputs); Zero-DCE: weight (outputs, inputs, 3, 3) and bias (outputs). All of it one after the other.
size_t layer_parameters(const LayerShape &shape, bool separable);

// Zero-DCE++ in int8, the same.
struct Int8Values {
    int8_t depth[2 * kFilters * kTaps];
    int32_t depth_bias[2 * kFilters];
    float depth_multiplier[2 * kFilters];
    int8_t point[kFilters * 2 * kFilters];
    int32_t bias[kFilters];
    float multiplier[kFilters];
};

// Floats, or words of 32 bits, of each kind, that a layer takes when packed: whole blocks of channels, so that every array
// starts on an aligned address.
size_t packed_floats(const LayerShape &shape, bool separable);
size_t packed_integers(const LayerShape &shape);
size_t packed_multipliers(const LayerShape &shape);

// Fills what a layer with a shape points to from its values, in memory that is zero and has as many floats as above.
void pack_layer(const float *values, bool separable, float *memory, Layer *layer);
void pack_layer(const Int8Values &values, int32_t *integers, float *multipliers, Int8Layer *layer);

}  // namespace dce

#endif
