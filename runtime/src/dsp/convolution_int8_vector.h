// Int8Kernels on vectors: see vector.h.
#ifndef DCELITE_DSP_CONVOLUTION_INT8_VECTOR_H
#define DCELITE_DSP_CONVOLUTION_INT8_VECTOR_H

#include "dsp/convolution_int8.h"
#include "dsp/vector.h"

#if defined(__aarch64__)
#  include "dsp/convolution_int8_neon.h"
#endif

namespace dce::vector {
namespace {

#if !defined(__aarch64__)

constexpr int kFeatureVectors = kFilters / kLanes;
static_assert(kChannelBlock % kLanes == 0 && kLanes >= 4, "one vector holds the channels of the map");

inline Ints requantize(Ints sums, Floats multiplier) { return clamp(nearest(to_floats(sums) * multiplier)); }

inline Ints broadcast(const uint8_t *four_bytes) {
    int32_t word;
    memcpy(&word, four_bytes, sizeof word);
    return fill(word);
}

// Depthwise values of kPairs pairs of pixels from `pair` on -> filtered (2 * kPairs, kInputs) bytes.
template <int kPairs, int kInputs>
inline void depthwise(const Int8Layer &layer, const Int8Input &input, int pair, uint8_t *filtered) {
    const int32_t *bias = kSigned ? layer.depth_bias_signed : layer.depth_bias;
    for (int c = 0; c < kInputs; c += kLanes) {
        Ints first[3], second[3];
        const int32_t *words[3];
        DCE_UNROLL_BLOCK for (int r = 0; r < 3; ++r) {
            first[r] = load(layer.depth + r * kInputs + c);
            second[r] = first[r] << 8;
            words[r] = input.rows[c / kFilters][r] + static_cast<ptrdiff_t>(pair) * kPairWords + c % kFilters;
        }
        const Ints start = load(bias + c);
        const Floats multiplier = load(layer.depth_multiplier + c);
        DCE_UNROLL_BLOCK for (int p = 0; p < kPairs; ++p) {
            Ints a = start, b = start;
            DCE_UNROLL_BLOCK for (int r = 0; r < 3; ++r) {
                const Ints values = load(words[r] + p * kPairWords);
                a = dot4(a, values, first[r]);
                b = dot4(b, values, second[r]);
            }
            store_bytes(requantize(a, multiplier), filtered + 2 * p * kInputs + c);
            store_bytes(requantize(b, multiplier), filtered + (2 * p + 1) * kInputs + c);
        }
    }
}

// sums[p][v] = bias + weights * filtered of kPixels pixels, each kStride bytes from the last, from `first` words of outputs on.
template <int kPixels, int kVectors, int kStride>
inline void pointwise(const Int8Layer &layer, const uint8_t *filtered, int groups, int first, int padded,
                      Ints (&sums)[kPixels][kVectors]) {
    const int32_t *bias = (kSigned ? layer.bias_signed : layer.bias) + first;
    DCE_UNROLL_BLOCK for (int v = 0; v < kVectors; ++v)
        DCE_UNROLL_BLOCK for (int p = 0; p < kPixels; ++p) sums[p][v] = load(bias + v * kLanes);
    const int32_t *weight = layer.point + first;
    for (int g = 0; g < groups; ++g, weight += padded, filtered += 4) {
        Ints weights[kVectors];
        DCE_UNROLL_BLOCK for (int v = 0; v < kVectors; ++v) weights[v] = load(weight + v * kLanes);
        DCE_UNROLL_BLOCK for (int p = 0; p < kPixels; ++p) {
            const Ints values = broadcast(filtered + p * kStride);
            DCE_UNROLL_BLOCK for (int v = 0; v < kVectors; ++v) sums[p][v] = dot4(sums[p][v], values, weights[v]);
        }
    }
}

// What is known of the pair of pixels last computed: its words but for the pixel behind it, and its second pixel.
struct Pending {
    Ints word, last;
};

// The next pair's values a and b complete the words `before` of the pending one, and become pending.
inline void put_pair(Pending *pending, Ints a, Ints b, int32_t *before) {
    if (before) store(pending->word | a << 24, before);
    pending->word = pending->last | a << 8 | b << 16;
    pending->last = b;
}

// Layer outputs of kPairs pairs from filtered values -> the row of pairs. `pending` has the vectors of the pair before.
template <int kPairs, int kStride>
inline void write_pairs(const Int8Layer &layer, const uint8_t *filtered, int groups, int pair, bool half,
                        Pending (&pending)[kFeatureVectors], int32_t *output) {
    constexpr int kVectors = kFeatureVectors < kInt8Vectors ? kFeatureVectors : kInt8Vectors;
    for (int first = 0; first < kFeatureVectors; first += kVectors) {
        Ints sums[2 * kPairs][kVectors];
        pointwise<2 * kPairs, kVectors, kStride>(layer, filtered, groups, first * kLanes, kFilters, sums);
        DCE_UNROLL_BLOCK for (int v = 0; v < kVectors; ++v) {
            const Floats multiplier = load(layer.multiplier + (first + v) * kLanes);
            int32_t *words = output + static_cast<ptrdiff_t>(pair) * kPairWords + (first + v) * kLanes;
            DCE_UNROLL_BLOCK for (int p = 0; p < kPairs; ++p) {
                const Ints a = requantize(sums[2 * p][v], multiplier);
                const Ints b = half ? Ints{} : requantize(sums[2 * p + 1][v], multiplier);
                put_pair(&pending[first + v], a, b, pair + p > 0 ? words + (p - 1) * kPairWords : nullptr);
            }
        }
    }
}

inline void finish(const Pending (&pending)[kFeatureVectors], int pairs, int32_t *output) {
    for (int v = 0; v < kFeatureVectors; ++v)
        store(pending[v].word, output + static_cast<ptrdiff_t>(pairs - 1) * kPairWords + v * kLanes);
}

template <int kInputs>
inline void hidden(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *filtered, int32_t *output) {
    Pending pending[kFeatureVectors] = {};
    const int pairs = (width + 1) / 2;
    int pair = 0;
    for (; 2 * (pair + kInt8Pairs) <= width; pair += kInt8Pairs) {
        depthwise<kInt8Pairs, kInputs>(layer, input, pair, filtered);
        write_pairs<kInt8Pairs, kInputs>(layer, filtered, kInputs / 4, pair, false, pending, output);
    }
    for (; pair < pairs; ++pair) {
        depthwise<1, kInputs>(layer, input, pair, filtered);
        write_pairs<1, kInputs>(layer, filtered, kInputs / 4, pair, 2 * pair + 1 == width, pending, output);
    }
    finish(pending, pairs, output);
}

// The image has red, green and blue next to each other: a vector holds pixels of all three, a neighbor is three words away,
// and the weights are repeated to match. Depthwise values of 2 * kInt8Pairs pixels at a time, 3 bytes each.
void image_row(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *output) {
    constexpr int kPixels = 2 * kInt8Pairs;
    constexpr int kWords = (3 * kPixels + kLanes) / kLanes * kLanes;  // at least one more than they need
    static_assert(kWords <= kInt8Slack, "what is read behind the row is within its slack");
    int32_t weights[kTaps][kWords], bias[kWords];
    float multiplier[kWords];
    for (int i = 0; i < kWords; ++i) {
        for (int tap = 0; tap < kTaps; ++tap)
            weights[tap][i] = static_cast<int8_t>(layer.depth[tap / 3 * 3 + i % 3] >> 8 * (tap % 3) & 0xff);
        bias[i] = layer.depth_bias[i % 3];
        multiplier[i] = layer.depth_multiplier[i % 3];
    }
    Pending pending[kFeatureVectors] = {};
    const int pairs = (width + 1) / 2;
    for (int x = 0; x < width; x += kPixels) {
        for (int i = 0; i < kWords; i += kLanes) {
            Ints sum = load(bias + i);
            for (int tap = 0; tap < kTaps; ++tap)
                sum += load(input.rows[0][tap / 3] + 3 * (x + tap % 3 - 1) + i) * load(weights[tap] + i);
            store_bytes(requantize(sum, load(multiplier + i)), scratch + i);
        }
        // A pixel's word has the next pixel's first byte, too; its weight is 0.
        if (x + kPixels <= width) {
            write_pairs<kInt8Pairs, 3>(layer, scratch, 1, x / 2, false, pending, output);
            continue;
        }
        for (int p = 0; x + p < width; p += 2)
            write_pairs<1, 3>(layer, scratch + 3 * p, 1, (x + p) / 2, x + p + 1 == width, pending, output);
    }
    finish(pending, pairs, output);
}

template <int kPairs>
inline void map_sums(const Int8Layer &layer, const Int8Input &input, int pair, uint8_t *filtered, int32_t *sums) {
    constexpr int kInputs = 2 * kFilters;
    depthwise<kPairs, kInputs>(layer, input, pair, filtered);
    Ints results[2 * kPairs][1];
    pointwise<2 * kPairs, 1, kInputs>(layer, filtered, kInputs / 4, 0, kChannelBlock, results);
    // In order: the next pixel overwrites the padding of the one before.
    for (int p = 0; p < 2 * kPairs; ++p) store(results[p][0], sums + 3 * (2 * pair + p));
}

void hidden_row(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *output) {
    if (layer.inputs == kFilters)
        hidden<kFilters>(layer, input, width, scratch, output);
    else
        hidden<2 * kFilters>(layer, input, width, scratch, output);
}

inline void map_sums(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *sums) {
    int pair = 0;
    for (; 2 * (pair + kInt8Pairs) <= width; pair += kInt8Pairs) map_sums<kInt8Pairs>(layer, input, pair, scratch, sums);
    for (; 2 * pair < width; ++pair) map_sums<1>(layer, input, pair, scratch, sums);
}

constexpr int32_t kMask = 0;

#endif

void map_row(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *sums, float *map) {
    map_sums(layer, input, width, scratch, sums);
    map_of_sums(sums, layer.multiplier, width, map);
}

}  // namespace
}  // namespace dce::vector

namespace dce::DCE_SET {
extern const Int8Kernels kConvolutionInt8 = {vector::kMask, vector::image_row, vector::hidden_row, vector::map_row};
}  // namespace dce::DCE_SET

#endif
