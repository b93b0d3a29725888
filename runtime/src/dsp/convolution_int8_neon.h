// Int8Kernels for NEON. What differs from convolution_int8_vector.h: sixteen channels of a pixel are narrowed to bytes at once,
// which clamps them, too; st4 makes words of pairs from the bytes of four pixels; and the pointwise dot products take their four
// values out of a lane of a vector that holds sixteen.
#ifndef DCELITE_DSP_CONVOLUTION_INT8_NEON_H
#define DCELITE_DSP_CONVOLUTION_INT8_NEON_H

namespace dce::vector {
namespace {

constexpr int kHalves = kFilters / 16;
constexpr int kDepthPairs = 8;  // that go through the depthwise convolution together
constexpr int kPointPairs = 2;  // and through the pointwise one: 16 sums in registers

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

// Depthwise values of kPairs pairs of pixels from `pair` on -> filtered (2 * kPairs, kInputs) bytes.
template <int kPairs, int kInputs>
inline void depthwise(const Int8Layer &layer, const Int8Input &input, int pair, uint8_t *filtered) {
    for (int c = 0; c < kInputs; c += 8) {
        int8x16_t first[3][2], second[3][2];
        int32x4_t bias[2];
        float32x4_t multiplier[2];
        const int32_t *words[3];
        DCE_UNROLL for (int v = 0; v < 2; ++v) {
            bias[v] = vld1q_s32(layer.depth_bias_signed + c + 4 * v);
            multiplier[v] = vld1q_f32(layer.depth_multiplier + c + 4 * v);
        }
        DCE_UNROLL for (int r = 0; r < 3; ++r) {
            words[r] = input.rows[c / kFilters][r] + static_cast<ptrdiff_t>(pair) * kPairWords + c % kFilters;
            DCE_UNROLL for (int v = 0; v < 2; ++v) {
                const int32x4_t weights = vld1q_s32(layer.depth + r * kInputs + c + 4 * v);
                first[r][v] = vreinterpretq_s8_s32(weights);
                second[r][v] = vreinterpretq_s8_s32(vshlq_n_s32(weights, 8));
            }
        }
        constexpr int kUnrolled = kPairs < 4 ? kPairs : 4;
        for (int q = 0; q < kPairs; q += kUnrolled)
            DCE_UNROLL for (int p = q; p < q + kUnrolled; ++p) {
                int32x4_t a[2], b[2];
                DCE_UNROLL for (int v = 0; v < 2; ++v) a[v] = b[v] = bias[v];
                DCE_UNROLL for (int r = 0; r < 3; ++r) {
                    DCE_UNROLL for (int v = 0; v < 2; ++v) {
                        const int8x16_t values = load_words(words[r] + p * kPairWords + 4 * v);
                        a[v] = dot(a[v], values, first[r][v]);
                        b[v] = dot(b[v], values, second[r][v]);
                    }
                }
                vst1_u8(filtered + 2 * p * kInputs + c, narrow(a, multiplier));
                vst1_u8(filtered + (2 * p + 1) * kInputs + c, narrow(b, multiplier));
            }
    }
}

// Adds four values of each pixel, those of lane kLane, times the weights from `weight` on.
template <int kLane, int kPixels, int kVectors>
inline void add_lane(const int32_t *weight, const int8x16_t *values, int32x4_t (*sums)[kVectors]) {
    int8x16_t weights[kVectors];
    if constexpr (kVectors == 4) {
        const int32x4x4_t words = vld1q_s32_x4(weight);
        DCE_UNROLL for (int v = 0; v < kVectors; ++v) weights[v] = vreinterpretq_s8_s32(words.val[v]);
    } else {
        DCE_UNROLL for (int v = 0; v < kVectors; ++v) weights[v] = load_words(weight + 4 * v);
    }
    DCE_UNROLL for (int p = 0; p < kPixels; ++p)
        DCE_UNROLL for (int v = 0; v < kVectors; ++v) sums[p][v] = dot_lane<kLane>(sums[p][v], weights[v], values[p]);
}

// sums[p][v] = bias + weights * filtered of kPixels pixels, from `first` words of outputs on. kInputs is 3, or a multiple of 16.
template <int kPixels, int kVectors, int kInputs>
inline void pointwise(const Int8Layer &layer, const uint8_t *filtered, int first, int padded, int32x4_t (*sums)[kVectors]) {
    DCE_UNROLL for (int p = 0; p < kPixels; ++p)
        DCE_UNROLL for (int v = 0; v < kVectors; ++v) sums[p][v] = vld1q_s32(layer.bias_signed + first + 4 * v);
    const int32_t *weight = layer.point + first;
    int8x16_t values[kPixels];
    if constexpr (kInputs == 3) {
        DCE_UNROLL for (int p = 0; p < kPixels; ++p) {
            uint32_t word;  // and the next pixel's first byte, whose weight is 0
            memcpy(&word, filtered + p * kInputs, sizeof word);
            values[p] = vreinterpretq_s8_u32(vdupq_n_u32(word));
        }
        add_lane<0, kPixels, kVectors>(weight, values, sums);
        return;
    }
    for (int i = 0; i < kInputs; i += 16, weight += 4 * padded) {
        DCE_UNROLL for (int p = 0; p < kPixels; ++p) values[p] = less_128(vld1q_u8(filtered + p * kInputs + i));
        add_lane<0, kPixels, kVectors>(weight, values, sums);
        add_lane<1, kPixels, kVectors>(weight + padded, values, sums);
        add_lane<2, kPixels, kVectors>(weight + 2 * padded, values, sums);
        add_lane<3, kPixels, kVectors>(weight + 3 * padded, values, sums);
    }
}

// What is known of the pair of pixels last computed, but for the pixel behind it: the one before it, and its two.
struct Pending {
    int8x16_t before, first, second;
};

inline void store_pair(const Pending &pair, int8x16_t behind, int32_t *output) {
    const int8x16x4_t words = {{pair.before, pair.first, pair.second, behind}};  // in clang, vst4q_s8 is a macro
    vst4q_s8(reinterpret_cast<int8_t *>(output), words);
}

// Layer outputs of kPairs pairs from filtered values -> the row of pairs. `half`: the last pixel is none.
template <int kPairs, int kInputs>
inline __attribute__((always_inline)) void write_pairs(const Int8Layer &layer, const uint8_t *filtered, int pair, bool half,
                                                       Pending *pending, int32_t *output) {
    for (int h = 0; h < kHalves; ++h) {
        int32x4_t sums[2 * kPairs][4];
        pointwise<2 * kPairs, 4, kInputs>(layer, filtered, 16 * h, kFilters, sums);
        int32_t *words = output + static_cast<ptrdiff_t>(pair) * kPairWords + 16 * h;
        float32x4_t multiplier[4];
        DCE_UNROLL for (int v = 0; v < 4; ++v) multiplier[v] = vld1q_f32(layer.multiplier + 16 * h + 4 * v);
        DCE_UNROLL for (int p = 0; p < kPairs; ++p) {
            const int8x16_t a = narrow_16(sums[2 * p], multiplier);
            const int8x16_t b = half && p == kPairs - 1 ? vdupq_n_s8(-128) : narrow_16(sums[2 * p + 1], multiplier);
            if (pair + p > 0) store_pair(pending[h], a, words + (p - 1) * kPairWords);
            pending[h] = {pair + p > 0 ? pending[h].second : vdupq_n_s8(-128), a, b};
        }
    }
}

inline void finish(const Pending *pending, int pairs, int32_t *output) {
    for (int h = 0; h < kHalves; ++h)
        store_pair(pending[h], vdupq_n_s8(-128), output + static_cast<ptrdiff_t>(pairs - 1) * kPairWords + 16 * h);
}

template <int kInputs>
inline void hidden(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *filtered, int32_t *output) {
    Pending pending[kHalves] = {};
    const int pairs = (width + 1) / 2;
    int pair = 0;
    for (; 2 * (pair + kDepthPairs) <= width; pair += kDepthPairs) {
        depthwise<kDepthPairs, kInputs>(layer, input, pair, filtered);
        for (int p = 0; p < kDepthPairs; p += kPointPairs)
            write_pairs<kPointPairs, kInputs>(layer, filtered + 2 * p * kInputs, pair + p, false, pending, output);
    }
    for (; 2 * (pair + kPointPairs) <= width; pair += kPointPairs) {
        depthwise<kPointPairs, kInputs>(layer, input, pair, filtered);
        write_pairs<kPointPairs, kInputs>(layer, filtered, pair, false, pending, output);
    }
    for (; pair < pairs; ++pair) {
        depthwise<1, kInputs>(layer, input, pair, filtered);
        write_pairs<1, kInputs>(layer, filtered, pair, 2 * pair + 1 == width, pending, output);
    }
    finish(pending, pairs, output);
}

// Depthwise values of 2 * kPointPairs pixels of the image at a time, as in convolution_int8_vector.h.
void image_row(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *output) {
    constexpr int kPixels = 2 * kPointPairs;
    constexpr int kWords = 16;  // at least one more than they need
    static_assert(3 * kPixels < kWords && kWords <= kInt8Slack, "what is read behind the row is within its slack");
    int32x4_t weights[3][kTaps], bias[3];
    float32x4_t multiplier[4] = {};
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
    Pending pending[kHalves] = {};
    const int pairs = (width + 1) / 2;
    for (int x = 0; x < width; x += kPixels) {
        int32x4_t sums[4] = {};
        DCE_UNROLL for (int v = 0; v < 3; ++v) {
            sums[v] = bias[v];
            DCE_UNROLL for (int tap = 0; tap < kTaps; ++tap)
                sums[v] = vmlaq_s32(sums[v], vld1q_s32(input.rows[0][tap / 3] + 3 * (x + tap % 3 - 1) + 4 * v), weights[v][tap]);
        }
        vst1q_s8(reinterpret_cast<int8_t *>(scratch), narrow_16(sums, multiplier));
        if (x + kPixels <= width) {
            write_pairs<kPointPairs, 3>(layer, scratch, x / 2, false, pending, output);
            continue;
        }
        for (int p = 0; x + p < width; p += 2)
            write_pairs<1, 3>(layer, scratch + 3 * p, (x + p) / 2, x + p + 1 == width, pending, output);
    }
    finish(pending, pairs, output);
}

template <int kPairs>
inline void map_sums(const Int8Layer &layer, const Int8Input &input, int pair, uint8_t *filtered, int32_t *sums) {
    constexpr int kInputs = 2 * kFilters;
    depthwise<kPairs, kInputs>(layer, input, pair, filtered);
    int32x4_t results[2 * kPairs][1];
    pointwise<2 * kPairs, 1, kInputs>(layer, filtered, 0, kChannelBlock, results);
    // In order: the next pixel overwrites the padding of the one before.
    DCE_UNROLL for (int p = 0; p < 2 * kPairs; ++p) vst1q_s32(sums + 3 * (2 * pair + p), results[p][0]);
}

constexpr int kMapPairs = kDepthPairs;
constexpr int32_t kMask = static_cast<int32_t>(0x80808080);

}  // namespace
}  // namespace dce::vector

#endif
