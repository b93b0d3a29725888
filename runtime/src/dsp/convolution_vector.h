// ConvolutionKernels on vectors: see vector.h.
#ifndef DCELITE_DSP_CONVOLUTION_VECTOR_H
#define DCELITE_DSP_CONVOLUTION_VECTOR_H

#include "dsp/convolution.h"
#include "dsp/vector.h"

namespace dce::vector {
namespace {

static_assert(kFilters % (kLanes * kBlockVectors) == 0, "register blocks divide the filters");
static_assert(kChannelBlock % kLanes == 0, "padded channels are whole vectors");
static_assert(kRepeated % kLanes == 0, "repeated weights are whole vectors");

static_assert(kBlockPixels % kDepthPixels == 0, "parts of the depthwise layers divide the register block");

constexpr int kSmallPixels = kBlockPixels / 3;  // a smaller block, for the end of a row

// sums[p][v] += pixel[p * kStride + c] * weight[c][v] for `count` channels: the inner loop of both architectures. All layers that
// come here have kFilters (padded) outputs.
template <int kPixels, int kStride>
inline void accumulate(const float *pixel, const float *weight, int count, Floats (&sums)[kPixels][kBlockVectors]) {
    for (int c = 0; c < count; ++c, ++pixel, weight += kFilters) {
        Floats weights[kBlockVectors];
        DCE_UNROLL_BLOCK for (int v = 0; v < kBlockVectors; ++v) weights[v] = load(weight + v * kLanes);
        DCE_UNROLL_BLOCK for (int p = 0; p < kPixels; ++p)
            DCE_UNROLL_BLOCK for (int v = 0; v < kBlockVectors; ++v) {
                sums[p][v] += pixel[p * kStride] * weights[v];
                DCE_IN_ORDER(sums[p][v]);
            }
    }
}

template <int kPixels>
inline void start_with_bias(const float *bias, Floats (&sums)[kPixels][kBlockVectors]) {
    DCE_UNROLL_BLOCK for (int v = 0; v < kBlockVectors; ++v)
        DCE_UNROLL_BLOCK for (int p = 0; p < kPixels; ++p) sums[p][v] = load(bias + v * kLanes);
}

template <int kPixels>
inline void store_relu(const Floats (&sums)[kPixels][kBlockVectors], float *output) {
    DCE_UNROLL_BLOCK for (int p = 0; p < kPixels; ++p)
        DCE_UNROLL_BLOCK for (int v = 0; v < kBlockVectors; ++v)
            store(larger(sums[p][v], Floats{}), output + p * kFilters + v * kLanes);
}

inline void tanh_values(int count, const float *values, float *results) {
    int i = 0;
    for (; i + kLanes <= count; i += kLanes) store(tanh(load(values + i)), results + i);
    Floats rest = {};
    memcpy(&rest, values + i, sizeof(float) * (count - i));
    rest = tanh(rest);
    memcpy(results + i, &rest, sizeof(float) * (count - i));
}

// Depthwise 3x3 of kPixels pixels from column x on, for one input of kFilters channels -> filtered (kPixels, kInputs).
template <int kPixels, int kInputs>
inline void depthwise(const float *const rows[3], int x, const float *weight, const float *bias, float *filtered) {
    const ptrdiff_t first = static_cast<ptrdiff_t>(x - 1) * kFilters;
    for (int c = 0; c < kFilters; c += kLanes) {
        Floats taps[kTaps];
        DCE_UNROLL_BLOCK for (int tap = 0; tap < kTaps; ++tap) taps[tap] = load(weight + tap * kInputs + c);
        Floats sums[kPixels];
        DCE_UNROLL_BLOCK for (int p = 0; p < kPixels; ++p) sums[p] = load(bias + c);
        // Column by column, so that a value is loaded once for the three pixels that it is a neighbor of.
        DCE_UNROLL for (int column = 0; column < kPixels + 2; ++column) {
            DCE_UNROLL for (int r = 0; r < 3; ++r) {
                const Floats value = load(rows[r] + first + column * kFilters + c);
                if (column < kPixels) sums[column] += value * taps[3 * r];
                if (column >= 1 && column <= kPixels) sums[column - 1] += value * taps[3 * r + 1];
                if (column >= 2) sums[column - 2] += value * taps[3 * r + 2];
                if (column < kPixels) DCE_IN_ORDER(sums[column]);
                if (column >= 1 && column <= kPixels) DCE_IN_ORDER(sums[column - 1]);
                if (column >= 2) DCE_IN_ORDER(sums[column - 2]);
            }
        }
        DCE_UNROLL_BLOCK for (int p = 0; p < kPixels; ++p) store(sums[p], filtered + p * kInputs + c);
    }
}

// The same for all inputs of a layer: one, or two that are concatenated.
template <int kPixels, int kInputs>
inline void depthwise_all(const Layer &layer, const LayerInput &input, int x, float *filtered) {
    constexpr int kPart = kPixels < kDepthPixels ? kPixels : kDepthPixels;
    for (int first = 0; first < kInputs; first += kFilters)
        for (int p = 0; p < kPixels; p += kPart)
            depthwise<kPart, kInputs>(input.rows[first / kFilters], x + p, layer.depth + first, layer.depth_bias + first,
                                      filtered + p * kInputs + first);
}

// One step of a walk along the row: kPixels pixels of a layer.
template <int kInputs>
struct SeparableStep {
    const Layer &layer;
    const LayerInput &input;
    float *scratch;
    float *output;

    template <int kPixels>
    void run(int x) const {
        float *filtered = scratch;
        depthwise_all<kPixels, kInputs>(layer, input, x, filtered);
        for (int o = 0; o < kFilters; o += kLanes * kBlockVectors) {
            Floats sums[kPixels][kBlockVectors];
            start_with_bias(layer.bias + o, sums);
            accumulate<kPixels, kInputs>(filtered, layer.weight + o, kInputs, sums);
            store_relu(sums, output + static_cast<ptrdiff_t>(x) * kFilters + o);
        }
    }
};

// The first layer of Zero-DCE++, kLanes pixels from column x on, `count` of which are there. Red, green and blue of its input
// are next to each other, so that a vector holds all three and a neighbor is three floats away; the weights are repeated to
// match. rows[r] points at the pixel left of x.
struct ImageStep {
    const Layer &layer;
    float *scratch;
    float *output;

    void run(const float *const rows[3], int x, int count) const {
        float *filtered = scratch;  // (kLanes, 3)
        for (int i = 0; i < 3 * kLanes; i += kLanes) {
            Floats sum = load(layer.repeated_depth + kTaps * 3 * kRepeated + i);
            DCE_UNROLL for (int tap = 0; tap < kTaps; ++tap)
                sum += load(layer.repeated_depth + tap * 3 * kRepeated + i) * load(rows[tap / 3] + tap % 3 * 3 + i);
            store(sum, filtered + i);
        }
        int p = 0;
        for (; p + kBlockPixels <= count; p += kBlockPixels) pointwise<kBlockPixels>(x, p);
        for (; p + kSmallPixels <= count; p += kSmallPixels) pointwise<kSmallPixels>(x, p);
        for (; p < count; ++p) pointwise<1>(x, p);
    }

    template <int kPixels>
    void pointwise(int x, int p) const {
        for (int o = 0; o < kFilters; o += kLanes * kBlockVectors) {
            Floats sums[kPixels][kBlockVectors];
            start_with_bias(layer.bias + o, sums);
            accumulate<kPixels, 3>(scratch + 3 * p, layer.weight + o, 3, sums);
            store_relu(sums, output + static_cast<ptrdiff_t>(x + p) * kFilters + o);
        }
    }
};

inline void image_row(const Layer &layer, const LayerInput &input, int width, float *scratch, float *output) {
    const ImageStep step = {layer, scratch, output};
    const float *rows[3];
    int x = 0;
    for (; x + kLanes <= width; x += kLanes) {
        for (int r = 0; r < 3; ++r) rows[r] = input.rows[0][r] + static_cast<ptrdiff_t>(x - 1) * 3;
        step.run(rows, x, kLanes);
    }
    if (x == width) return;
    float padded[3][3 * kLanes + 6] = {};  // the last pixels in memory that may be read beyond them
    for (int r = 0; r < 3; ++r) {
        memcpy(padded[r], input.rows[0][r] + static_cast<ptrdiff_t>(x - 1) * 3, sizeof(float) * 3 * (width - x + 2));
        rows[r] = padded[r];
    }
    step.run(rows, x, width - x);
}

struct PlainStep {
    const Layer &layer;
    const LayerInput &input;
    Activation activation;
    float *scratch;
    float *output;

    template <int kPixels>
    void run(int x) const {
        const bool last = activation == Activation::kTanh;
        float *result = last ? scratch : output + static_cast<ptrdiff_t>(x) * kFilters;
        for (int o = 0; o < kFilters; o += kLanes * kBlockVectors) {
            Floats sums[kPixels][kBlockVectors];
            start_with_bias(layer.bias + o, sums);
            const float *weight = layer.weight + o;
            for (int tap = 0; tap < kTaps; ++tap)
                for (int source = 0; source < 2; ++source) {
                    const int channels = input.channels[source];
                    if (channels == 0) continue;
                    const float *pixel =
                        input.rows[source][tap / 3] + static_cast<ptrdiff_t>(x + tap % 3 - 1) * channels;
                    if (channels == 3)
                        accumulate<kPixels, 3>(pixel, weight, 3, sums);
                    else
                        accumulate<kPixels, kFilters>(pixel, weight, kFilters, sums);
                    weight += channels * kFilters;
                }
            if (!last)
                store_relu(sums, result + o);
            else
                DCE_UNROLL_BLOCK for (int p = 0; p < kPixels; ++p)
                    DCE_UNROLL_BLOCK for (int v = 0; v < kBlockVectors; ++v) store(sums[p][v], result + p * kFilters + o + v * kLanes);
        }
        if (last)  // 24 of the 32 padded outputs are channels of the map
            DCE_UNROLL_BLOCK for (int p = 0; p < kPixels; ++p)
                tanh_values(layer.outputs, result + p * kFilters, output + static_cast<ptrdiff_t>(x + p) * layer.outputs);
    }
};

// Walks along a row in register blocks, and through what is left in blocks of kRestPixels, of which the last one computes some
// pixels a second time; no pixel's result depends on where the blocks begin.
template <typename Step>
inline void walk(const Step &step, int width) {
    constexpr int kRestPixels = kBlockPixels > 8 ? kSmallPixels : kBlockPixels;
    int x = 0;
    for (; x + kBlockPixels <= width; x += kBlockPixels) step.template run<kBlockPixels>(x);
    if (width < kRestPixels)
        for (; x < width; ++x) step.template run<1>(x);
    for (; x < width; x += kRestPixels) step.template run<kRestPixels>(x + kRestPixels <= width ? x : width - kRestPixels);
}

// Of a hidden layer.
template <int kInputs>
inline void hidden_row(const Layer &layer, const LayerInput &input, int width, float *scratch, float *output) {
    walk(SeparableStep<kInputs>{layer, input, scratch, output}, width);
}

}  // namespace
}  // namespace dce::vector

// What an instruction set does better by itself.
#if defined(__aarch64__) && !defined(__AARCH64EB__)
#  include "dsp/convolution_neon.h"
#  include "dsp/convolution_chunked.h"
#elif defined(__arm__)
#  include "dsp/convolution_neon32.h"
#  include "dsp/convolution_chunked.h"
#else
namespace dce::vector {
namespace {

constexpr int kChunk = kLanes;  // pixels of the last layer that are filtered at once

// Its depthwise convolution -> filtered (count, 2 kFilters).
inline void filter_map(const Layer &layer, const LayerInput &input, int x, int count, float *filtered) {
    constexpr int kInputs = 2 * kFilters, kPart = kBlockPixels < kLanes ? kBlockPixels : kLanes;
    int done = 0;
    for (; done + kPart <= count; done += kPart) depthwise_all<kPart, kInputs>(layer, input, x + done, filtered + done * kInputs);
    for (; done + kSmallPixels <= count; done += kSmallPixels)
        depthwise_all<kSmallPixels, kInputs>(layer, input, x + done, filtered + done * kInputs);
    for (; done < count; ++done) depthwise_all<1, kInputs>(layer, input, x + done, filtered + done * kInputs);
}

}  // namespace
}  // namespace dce::vector
#endif

#include "dsp/convolution_map.h"

namespace dce::vector {
namespace {

void separable_row(const Layer &layer, const LayerInput &input, int width, Activation activation, float *scratch,
                   float *output) {
    if (layer.inputs == 3)
        image_row(layer, input, width, scratch, output);
    else if (activation == Activation::kTanh)
        map_row(layer, input, width, scratch, output);
    else if (layer.inputs == kFilters)
        hidden_row<kFilters>(layer, input, width, scratch, output);
    else
        hidden_row<2 * kFilters>(layer, input, width, scratch, output);
}

void plain_row(const Layer &layer, const LayerInput &input, int width, Activation activation, float *scratch, float *output) {
    walk(PlainStep{layer, input, activation, scratch, output}, width);
}

}  // namespace
}  // namespace dce::vector

namespace dce::DCE_SET {
extern const ConvolutionKernels kConvolution = {vector::separable_row, vector::plain_row};
}  // namespace dce::DCE_SET

#endif
