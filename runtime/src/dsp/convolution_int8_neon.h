// Int8Kernels for NEON. What differs from convolution_int8_vector.h: eight channels of both pixels of a pair, or sixteen of a
// pixel, are narrowed to bytes at once, which clamps them, too; st4 makes words of pairs from the bytes of four pixels; and the
// pointwise dot products take their four values out of a lane of a vector that holds sixteen.
//
// Where processors have dot products, what is done to whole blocks of pixels is in assembly, convolution_int8_neondot.h:
// compilers move sums into place one by one.
#ifndef DCELITE_DSP_CONVOLUTION_INT8_NEON_H
#define DCELITE_DSP_CONVOLUTION_INT8_NEON_H

namespace dce::vector {
namespace {

constexpr int kHalves = kFilters / 16;
constexpr int kPointPairs = 2;   // that go through the pointwise convolution together: 16 sums in registers
constexpr int kDepthPairs = 28;  // and through the depthwise one before: what they read and write fits the first cache
constexpr int kDepthStride = 16 * kDepthPairs;  // bytes of eight channels of so many
static_assert(2 * kFilters / 8 * kDepthStride <= kInt8ScratchBytes, "filtered pixels fit the scratch");

// What is known of the pair of pixels last computed, but for the pixel behind it: the one before it, and its two.
struct Pending {
    int8x16_t before, first, second;
};

}  // namespace
}  // namespace dce::vector

#if defined(__ARM_FEATURE_DOTPROD)
#  include "dsp/convolution_int8_neondot.h"
#endif

namespace dce::vector {
namespace {

// Bytes as the signed ones that are 128 less.
inline int8x16_t less_128(uint8x16_t values) { return vreinterpretq_s8_u8(veorq_u8(values, vdupq_n_u8(128))); }
inline int8x16_t load_words(const int32_t *words) { return vreinterpretq_s8_s32(vld1q_s32(words)); }

inline int32x4_t dot(int32x4_t sum, int8x16_t a, int8x16_t b) {
#if defined(__ARM_FEATURE_DOTPROD)
    return vdotq_s32(sum, a, b);
#else
    // In 16 bits, added up in pairs: |weight| <= 127 and |value| <= 128, so that the sum of two products stays within them.
    const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
    return vpadalq_s16(sum, vpaddq_s16(low, vmull_high_s8(a, b)));
#endif
}

// The four values of a lane.
template <int kLane>
inline int32x4_t dot_lane(int32x4_t sum, int8x16_t weights, int8x16_t values) {
#if defined(__ARM_FEATURE_DOTPROD)
    return vdotq_laneq_s32(sum, weights, values, kLane);
#else
    return dot(sum, weights, vreinterpretq_s8_s32(vdupq_laneq_s32(vreinterpretq_s32_s8(values), kLane)));
#endif
}

// To nearest, ties to even; negative ones become 0.
inline uint32x4_t requantized(int32x4_t sums, float32x4_t multiplier) {
    return vcvtnq_u32_f32(vmulq_f32(vcvtq_f32_s32(sums), multiplier));
}

// Eight channels as bytes, 255 at most.
inline uint8x8_t narrow(const int32x4_t *sums, const float32x4_t *multiplier) {
    return vqmovn_u16(vqmovn_high_u32(vqmovn_u32(requantized(sums[0], multiplier[0])), requantized(sums[1], multiplier[1])));
}
inline int8x16_t narrow_16(const int32x4_t *sums, const float32x4_t *multiplier) {
    const uint16x4_t third = vqmovn_u32(requantized(sums[2], multiplier[2]));
    const uint16x8_t high = vqmovn_high_u32(third, requantized(sums[3], multiplier[3]));
    return less_128(vqmovn_high_u16(narrow(sums, multiplier), high));
}

// Filtered pixels stand by eight channels: (channels / 8, kDepthPairs, 2 pixels, 8 channels), signed.

// Eight channels, of which `words` are the first pairs' in the three rows and `weights` those of layer.depth, of kPairs pairs.
template <int kPairs>
inline void filter_pairs(const int32_t *const *words, const int8x16_t (*first)[2], const int8x16_t (*second)[2],
                         const int32x4_t *bias, const float32x4_t *multiplier, int pair, int8_t *filtered) {
    DCE_UNROLL for (int p = pair; p < pair + kPairs; ++p) {
        int32x4_t a[2], b[2];
        DCE_UNROLL for (int v = 0; v < 2; ++v) a[v] = b[v] = bias[v];
        DCE_UNROLL for (int r = 0; r < 3; ++r) {
            DCE_UNROLL for (int v = 0; v < 2; ++v) {
                const int8x16_t values = load_words(words[r] + p * kPairWords + 4 * v);
                a[v] = dot(a[v], values, first[r][v]);
                b[v] = dot(b[v], values, second[r][v]);
            }
        }
        vst1q_s8(filtered + 16 * p, less_128(vcombine_u8(narrow(a, multiplier), narrow(b, multiplier))));
    }
}

// Eight channels from c on of `pairs` pairs from `pair` on.
template <int kInputs>
inline void depthwise_eight(const Int8Layer &layer, const int32_t *const *words, int c, int pairs, int8_t *filtered) {
    int8x16_t first[3][2], second[3][2];
    int32x4_t bias[2];
    float32x4_t multiplier[2];
    int p = 0;
#if defined(__ARM_FEATURE_DOTPROD)
    p = filter_even_pairs<kInputs>(words, layer.depth + c, layer.depth_bias_signed + c, layer.depth_multiplier + c, pairs,
                                   filtered);
    if (p == pairs) return;
#endif
    DCE_UNROLL for (int v = 0; v < 2; ++v) {
        bias[v] = vld1q_s32(layer.depth_bias_signed + c + 4 * v);
        multiplier[v] = vld1q_f32(layer.depth_multiplier + c + 4 * v);
        DCE_UNROLL for (int r = 0; r < 3; ++r) {
            const int32x4_t weights = vld1q_s32(layer.depth + r * kInputs + c + 4 * v);
            first[r][v] = vreinterpretq_s8_s32(weights);
            second[r][v] = vreinterpretq_s8_s32(vshlq_n_s32(weights, 8));
        }
    }
#if !defined(__ARM_FEATURE_DOTPROD)
    for (; p + 4 <= pairs; p += 4) filter_pairs<4>(words, first, second, bias, multiplier, p, filtered);
#endif
    for (; p < pairs; ++p) filter_pairs<1>(words, first, second, bias, multiplier, p, filtered);
}

template <int kInputs>
inline void depthwise(const Int8Layer &layer, const Int8Input &input, int pair, int pairs, int8_t *filtered) {
    for (int c = 0; c < kInputs; c += 8, filtered += kDepthStride) {
        const int32_t *words[3];
        DCE_UNROLL for (int r = 0; r < 3; ++r)
            words[r] = input.rows[c / kFilters][r] + static_cast<ptrdiff_t>(pair) * kPairWords + c % kFilters;
        depthwise_eight<kInputs>(layer, words, c, pairs, filtered);
    }
}

// Adds four values of each pixel of pairs, those of lanes kLane and, of the second ones, kLane + 2, times the weights from
// `weight` on.
template <int kLane, int kPairs, int kVectors>
inline void add_lane(const int32_t *weight, const int8x16_t *values, int32x4_t (*sums)[kVectors]) {
    int8x16_t weights[kVectors];
    DCE_UNROLL for (int v = 0; v < kVectors; ++v) weights[v] = load_words(weight + 4 * v);
    DCE_UNROLL for (int p = 0; p < kPairs; ++p)
        DCE_UNROLL for (int v = 0; v < kVectors; ++v) {
            sums[2 * p][v] = dot_lane<kLane>(sums[2 * p][v], weights[v], values[p]);
            sums[2 * p + 1][v] = dot_lane<kLane + 2>(sums[2 * p + 1][v], weights[v], values[p]);
        }
}

// sums[p][v] = bias + weights * filtered of the pixels of kPairs pairs, from `first` words of outputs on.
template <int kPairs, int kVectors, int kInputs>
inline void pointwise(const Int8Layer &layer, const int8_t *filtered, int first, int padded, int32x4_t (*sums)[kVectors]) {
    DCE_UNROLL for (int p = 0; p < 2 * kPairs; ++p)
        DCE_UNROLL for (int v = 0; v < kVectors; ++v) sums[p][v] = vld1q_s32(layer.bias_signed + first + 4 * v);
    const int32_t *weight = layer.point + first;
    int8x16_t values[kPairs];
    for (int c = 0; c < kInputs; c += 8, weight += 2 * padded, filtered += kDepthStride) {
        DCE_UNROLL for (int p = 0; p < kPairs; ++p) values[p] = vld1q_s8(filtered + 16 * p);
        add_lane<0, kPairs, kVectors>(weight, values, sums);
        add_lane<1, kPairs, kVectors>(weight + padded, values, sums);
    }
}

// Of layer 1, whose pixels are words of which the last byte's weight is 0: four of them.
inline void pointwise_image(const Int8Layer &layer, const int8_t *filtered, int first, int32x4_t (*sums)[4]) {
    const int8x16_t values = vld1q_s8(filtered);
    DCE_UNROLL for (int v = 0; v < 4; ++v) {
        const int32x4_t bias = vld1q_s32(layer.bias_signed + first + 4 * v);
        const int8x16_t weights = load_words(layer.point + first + 4 * v);
        sums[0][v] = dot_lane<0>(bias, weights, values);
        sums[1][v] = dot_lane<1>(bias, weights, values);
        sums[2][v] = dot_lane<2>(bias, weights, values);
        sums[3][v] = dot_lane<3>(bias, weights, values);
    }
}

inline void store_pair(const Pending &pair, int8x16_t behind, int32_t *output) {
    const int8x16x4_t words = {{pair.before, pair.first, pair.second, behind}};  // in clang, vst4q_s8 is a macro
    vst4q_s8(reinterpret_cast<int8_t *>(output), words);
}

// Sixteen outputs of kPairs pairs -> the row of pairs. `half`: the last pixel is none.
template <int kPairs>
inline void put_pairs(const int32x4_t (*sums)[4], const float *factors, int pair, bool half, Pending *pending, int32_t *words) {
    float32x4_t multiplier[4];
    DCE_UNROLL for (int v = 0; v < 4; ++v) multiplier[v] = vld1q_f32(factors + 4 * v);
    DCE_UNROLL for (int p = 0; p < kPairs; ++p) {
        const int8x16_t a = narrow_16(sums[2 * p], multiplier);
        const int8x16_t b = half && p == kPairs - 1 ? vdupq_n_s8(-128) : narrow_16(sums[2 * p + 1], multiplier);
        if (pair + p > 0) store_pair(*pending, a, words + (p - 1) * kPairWords);
        *pending = {pending->second, a, b};
    }
}

inline void start(Pending *pending) {
    for (int h = 0; h < kHalves; ++h) pending[h] = {vdupq_n_s8(-128), vdupq_n_s8(-128), vdupq_n_s8(-128)};
}

inline void finish(const Pending *pending, int pairs, int32_t *output) {
    for (int h = 0; h < kHalves; ++h)
        store_pair(pending[h], vdupq_n_s8(-128), output + static_cast<ptrdiff_t>(pairs - 1) * kPairWords + 16 * h);
}

// Layer outputs of kPairs pairs from filtered pixels -> the row of pairs.
template <int kPairs, int kInputs>
inline void write_pairs(const Int8Layer &layer, const int8_t *filtered, int pair, bool half, int h, Pending *pending,
                        int32_t *words) {
    int32x4_t sums[2 * kPairs][4];
    pointwise<kPairs, 4, kInputs>(layer, filtered, 16 * h, kFilters, sums);
    put_pairs<kPairs>(sums, layer.multiplier + 16 * h, pair, half, pending, words);
}

template <int kInputs>
inline void hidden(const Int8Layer &layer, const Int8Input &input, int width, int8_t *filtered, int32_t *output) {
    Pending pending[kHalves];
    start(pending);
    const int pairs = (width + 1) / 2;
    for (int first = 0; first < pairs; first += kDepthPairs) {
        const int count = pairs - first < kDepthPairs ? pairs - first : kDepthPairs;
        const int whole = first + count == pairs && width % 2 ? count - 1 : count;  // pairs of two pixels
        depthwise<kInputs>(layer, input, first, count, filtered);
        for (int h = 0; h < kHalves; ++h) {
            int32_t *words = output + static_cast<ptrdiff_t>(first) * kPairWords + 16 * h;
            int p = 0;
#if defined(__ARM_FEATURE_DOTPROD)
            p = write_blocks<kInputs>(layer, filtered, first, whole, h, pending + h, words);
#else
            for (; p + kPointPairs <= whole; p += kPointPairs)
                write_pairs<kPointPairs, kInputs>(layer, filtered + 16 * p, first + p, false, h, pending + h,
                                                  words + p * kPairWords);
#endif
            for (; p < count; ++p)
                write_pairs<1, kInputs>(layer, filtered + 16 * p, first + p, p == whole, h, pending + h,
                                        words + p * kPairWords);
        }
    }
    finish(pending, pairs, output);
}

void hidden_row(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *output) {
    int8_t *filtered = reinterpret_cast<int8_t *>(scratch);
    (layer.inputs == kFilters ? hidden<kFilters> : hidden<2 * kFilters>)(layer, input, width, filtered, output);
}

// ---- layer 1 ----

constexpr int kImageBlock = 4;     // pixels: three vectors of values
constexpr int kImagePixels = 128;  // that are filtered before they are multiplied, each to a word

// The image has red, green and blue next to each other: a vector holds pixels of all three, a neighbor is three words away, and
// the weights are repeated to match.
struct ImageWeights {
    int32x4_t weights[3][kTaps], bias[3];
    float32x4_t multiplier[4];

    explicit ImageWeights(const Int8Layer &layer) : multiplier{} {
        for (int phase = 0; phase < 3; ++phase) {
            int32_t lanes[kTaps + 1][4];
            float factors[4];
            for (int l = 0; l < 4; ++l) {
                const int channel = (4 * phase + l) % 3;
                for (int tap = 0; tap < kTaps; ++tap)
                    lanes[tap][l] = static_cast<int8_t>(layer.depth[tap / 3 * 3 + channel] >> 8 * (tap % 3) & 0xff);
                lanes[kTaps][l] = layer.depth_bias[channel];
                factors[l] = layer.depth_multiplier[channel];
            }
            for (int tap = 0; tap < kTaps; ++tap) weights[phase][tap] = vld1q_s32(lanes[tap]);
            bias[phase] = vld1q_s32(lanes[kTaps]);
            multiplier[phase] = vld1q_f32(factors);
        }
    }
};

// kImageBlock pixels at a time; up to as many less one too much are read and written.
inline void filter_image(const ImageWeights &image, const int32_t *const *rows, int first, int count, int8_t *filtered) {
    static_assert(3 * kImageBlock <= kInt8Slack, "what is read behind the row is within its slack");
    constexpr uint8_t kWords[16] = {0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12};  // of three bytes, and whatever follows
    const uint8x16_t to_words = vld1q_u8(kWords);
    for (int x = 0; x < count; x += kImageBlock, filtered += 16) {
        int32x4_t sums[4] = {};
        DCE_UNROLL for (int v = 0; v < 3; ++v) {
            sums[v] = image.bias[v];
            DCE_UNROLL for (int tap = 0; tap < kTaps; ++tap) {
                const int32_t *values = rows[tap / 3] + 3 * (first + x + tap % 3 - 1) + 4 * v;
                sums[v] = vmlaq_s32(sums[v], vld1q_s32(values), image.weights[v][tap]);
            }
        }
        vst1q_s8(filtered, vqtbl1q_s8(narrow_16(sums, image.multiplier), to_words));
    }
}

void image_row(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *output) {
    static_assert(4 * kImagePixels <= kInt8ScratchBytes && kImageBlock == 2 * kPointPairs, "filtered pixels fit the scratch");
    const ImageWeights weights(layer);
    int8_t *filtered = reinterpret_cast<int8_t *>(scratch);
    Pending pending[kHalves];
    start(pending);
    for (int first = 0; first < width; first += kImagePixels) {
        const int count = width - first < kImagePixels ? width - first : kImagePixels;
        filter_image(weights, input.rows[0], first, count, filtered);
        for (int h = 0; h < kHalves; ++h) {
            int32_t *words = output + static_cast<ptrdiff_t>(first / 2) * kPairWords + 16 * h;
            int x = 0;
#if defined(__ARM_FEATURE_DOTPROD)
            x = write_image_blocks(layer, filtered, first, count, h, pending + h, words);
#endif
            for (; x < count; x += kImageBlock) {
                int32x4_t sums[4][4];
                pointwise_image(layer, filtered + 4 * x, 16 * h, sums);
                for (int p = 0; p < kPointPairs && x + 2 * p < count; ++p)
                    put_pairs<1>(sums + 2 * p, layer.multiplier + 16 * h, (first + x) / 2 + p, x + 2 * p + 1 == count,
                                 pending + h, words + (x / 2 + p) * kPairWords);
            }
        }
    }
    finish(pending, (width + 1) / 2, output);
}

// ---- layer 7 ----

// The sums of kPairs pairs from `pair` on. In order: the next pixel overwrites the padding of the one before.
template <int kPairs>
inline void map_sums(const Int8Layer &layer, const int8_t *filtered, int pair, int32_t *sums) {
    int32x4_t results[2 * kPairs][1];
    pointwise<kPairs, 1, 2 * kFilters>(layer, filtered, 0, kChannelBlock, results);
    DCE_UNROLL for (int p = 0; p < 2 * kPairs; ++p) vst1q_s32(sums + 3 * (2 * pair + p), results[p][0]);
}

inline void map_sums(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *sums) {
    constexpr int kPairs = 4;
    int8_t *filtered = reinterpret_cast<int8_t *>(scratch);
    const int pairs = (width + 1) / 2;
    for (int first = 0; first < pairs; first += kDepthPairs) {
        const int count = pairs - first < kDepthPairs ? pairs - first : kDepthPairs;
        depthwise<2 * kFilters>(layer, input, first, count, filtered);
        int p = 0;
        for (; p + kPairs <= count; p += kPairs) map_sums<kPairs>(layer, filtered + 16 * p, first + p, sums);
        for (; p < count; ++p) map_sums<1>(layer, filtered + 16 * p, first + p, sums);
    }
}

constexpr int32_t kMask = static_cast<int32_t>(0x80808080);

}  // namespace
}  // namespace dce::vector

#endif
