// The hidden layers of int8 with the dot products of Armv8.2, by chunks of pixels: depthwise values, then layer outputs as bytes,
// then pairs of pixels. Included by convolution_int8_vector.h, whose kernels requantize pixel by pixel; narrowing saturates, which is
// the clamp.
#ifndef DCELITE_DSP_CONVOLUTION_INT8_NEON_H
#define DCELITE_DSP_CONVOLUTION_INT8_NEON_H

namespace dce::vector {
namespace {

constexpr int kChunk = 40;       // pixels
constexpr int kPointPixels = 4;  // that are multiplied together, with 16 of the outputs
static_assert(kChunk % kPointPixels == 0, "chunks are whole blocks");
static_assert(kChunk * 2 * kFilters + (kChunk + 4) * kFilters <= kInt8ScratchBytes, "both fit the scratch");

inline int32x4_t rounded(int32x4_t sums, float32x4_t multiplier) {
    return vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(sums), multiplier));
}

inline int16x8_t requantize(int32x4_t low, int32x4_t high, float32x4_t multiplier, float32x4_t multiplier2) {
    return vqmovn_high_s32(vqmovn_s32(rounded(low, multiplier)), rounded(high, multiplier2));
}

// Depthwise values of `pairs` pairs of pixels from `pair` on -> filtered (2 * pairs, kInputs) bytes; kLess128: less 128, as dot
// products want them.
template <int kInputs, bool kLess128>
inline void depthwise_pairs(const Int8Layer &layer, const Int8Input &input, int pair, int pairs, uint8_t *filtered) {
    const uint8x16_t half = vdupq_n_u8(128);
    for (int c = 0; c < kInputs; c += 8) {
        int8x16_t first[3][2], second[3][2];
        const int32_t *words[3];
        DCE_UNROLL for (int r = 0; r < 3; ++r) {
            DCE_UNROLL for (int v = 0; v < 2; ++v) {
                const int32x4_t weights = vld1q_s32(layer.depth + r * kInputs + c + 4 * v);
                first[r][v] = vreinterpretq_s8_s32(weights);
                second[r][v] = vreinterpretq_s8_s32(vshlq_n_s32(weights, 8));
            }
            words[r] = input.rows[c / kFilters][r] + static_cast<ptrdiff_t>(pair) * kPairWords + c % kFilters;
        }
        const int32x4_t start = vld1q_s32(layer.depth_bias_signed + c), start2 = vld1q_s32(layer.depth_bias_signed + c + 4);
        const float32x4_t multiplier = vld1q_f32(layer.depth_multiplier + c);
        const float32x4_t multiplier2 = vld1q_f32(layer.depth_multiplier + c + 4);
        uint8_t *result = filtered + c;
        for (int p = 0; p < pairs; ++p, result += 2 * kInputs) {
            int32x4_t a = start, a2 = start2, b = start, b2 = start2;
            DCE_UNROLL for (int r = 0; r < 3; ++r, words[r - 1] += kPairWords) {
                const int8x16_t low = vreinterpretq_s8_u8(veorq_u8(vreinterpretq_u8_s32(vld1q_s32(words[r])), half));
                const int8x16_t high = vreinterpretq_s8_u8(veorq_u8(vreinterpretq_u8_s32(vld1q_s32(words[r] + 4)), half));
                a = vdotq_s32(a, low, first[r][0]);
                a2 = vdotq_s32(a2, high, first[r][1]);
                b = vdotq_s32(b, low, second[r][0]);
                b2 = vdotq_s32(b2, high, second[r][1]);
            }
            const uint8x8_t of_first = vqmovun_s16(requantize(a, a2, multiplier, multiplier2));
            uint8x16_t both = vqmovun_high_s16(of_first, requantize(b, b2, multiplier, multiplier2));
            if (kLess128) both = veorq_u8(both, half);
            vst1_u8(result, vget_low_u8(both));
            vst1_u8(result + kInputs, vget_high_u8(both));
        }
    }
}

// sums (v0 … v15: four pixels of four vectors) += four bytes of a pixel (v16 … v19) x two of the four vectors of weights.
#define DCE_MULTIPLY_PIXEL(sum, sum2, pixel, lane, weight, weight2)             \
    "sdot v" #sum ".4s, v" #weight ".16b, v" #pixel ".4b[" #lane "]\n"    \
    "sdot v" #sum2 ".4s, v" #weight2 ".16b, v" #pixel ".4b[" #lane "]\n"
#define DCE_MULTIPLY_LOW(lane, weight, weight2)           \
    DCE_MULTIPLY_PIXEL(0, 1, 16, lane, weight, weight2) \
    DCE_MULTIPLY_PIXEL(4, 5, 17, lane, weight, weight2) \
    DCE_MULTIPLY_PIXEL(8, 9, 18, lane, weight, weight2) \
    DCE_MULTIPLY_PIXEL(12, 13, 19, lane, weight, weight2)
#define DCE_MULTIPLY_HIGH(lane, weight, weight2)            \
    DCE_MULTIPLY_PIXEL(2, 3, 16, lane, weight, weight2)   \
    DCE_MULTIPLY_PIXEL(6, 7, 17, lane, weight, weight2)   \
    DCE_MULTIPLY_PIXEL(10, 11, 18, lane, weight, weight2) \
    DCE_MULTIPLY_PIXEL(14, 15, 19, lane, weight, weight2)
#define DCE_WEIGHTS(first, second, offset) "ldp q" #first ", q" #second ", [%[weight], #" #offset "]\n"
#define DCE_ROUND(sum, multiplier)                              \
    "scvtf v" #sum ".4s, v" #sum ".4s\n"                      \
    "fmul v" #sum ".4s, v" #sum ".4s, v" #multiplier ".4s\n"  \
    "fcvtns v" #sum ".4s, v" #sum ".4s\n"
#define DCE_NARROW(a, b, c, d, offset)                                                    \
    DCE_ROUND(a, 20) DCE_ROUND(b, 21) DCE_ROUND(c, 22) DCE_ROUND(d, 23)                   \
    "sqxtn v" #a ".4h, v" #a ".4s\n"                                                    \
    "sqxtn v" #c ".4h, v" #c ".4s\n"                                                    \
    "sqxtn2 v" #a ".8h, v" #b ".4s\n"                                                   \
    "sqxtn2 v" #c ".8h, v" #d ".4s\n"                                                   \
    "sqxtun v" #a ".8b, v" #a ".8h\n"                                                   \
    "sqxtun2 v" #a ".16b, v" #c ".8h\n"                                                 \
    "str q" #a ", [%[output], #" #offset "]\n"

// Layer outputs of four pixels, 16 of each -> output (4, kFilters) bytes.
template <int kInputs>
inline void pointwise_four(const Int8Layer &layer, const uint8_t *filtered, int first, uint8_t *output) {
    const uint8_t *const end = filtered + kInputs;
    const int32_t *weight = layer.point + first;
    __asm__ volatile(
        "ld1 {v0.4s, v1.4s, v2.4s, v3.4s}, [%[bias]]\n"
        "ld1 {v4.4s, v5.4s, v6.4s, v7.4s}, [%[bias]]\n"
        "ld1 {v8.4s, v9.4s, v10.4s, v11.4s}, [%[bias]]\n"
        "ld1 {v12.4s, v13.4s, v14.4s, v15.4s}, [%[bias]]\n"
        "1:\n"
        DCE_WEIGHTS(20, 21, 0)
        "ldr q19, [%[filtered], %[three]]\n"
        "ldr q18, [%[filtered], %[two]]\n"
        "ldr q17, [%[filtered], %[one]]\n"
        "ldr q16, [%[filtered]], #16\n"
        DCE_WEIGHTS(22, 23, 32)
        DCE_MULTIPLY_LOW(0, 20, 21)
        DCE_WEIGHTS(24, 25, 128)
        DCE_MULTIPLY_HIGH(0, 22, 23)
        DCE_WEIGHTS(20, 21, 160)
        DCE_MULTIPLY_LOW(1, 24, 25)
        DCE_WEIGHTS(22, 23, 256)
        DCE_MULTIPLY_HIGH(1, 20, 21)
        DCE_WEIGHTS(24, 25, 288)
        DCE_MULTIPLY_LOW(2, 22, 23)
        DCE_WEIGHTS(20, 21, 384)
        DCE_MULTIPLY_HIGH(2, 24, 25)
        DCE_WEIGHTS(22, 23, 416)
        DCE_MULTIPLY_LOW(3, 20, 21)
        "add %[weight], %[weight], #512\n"
        "cmp %[filtered], %[end]\n"
        DCE_MULTIPLY_HIGH(3, 22, 23)
        "b.ne 1b\n"
        "ld1 {v20.4s, v21.4s, v22.4s, v23.4s}, [%[multiplier]]\n"
        DCE_NARROW(0, 1, 2, 3, 0)
        DCE_NARROW(4, 5, 6, 7, 32)
        DCE_NARROW(8, 9, 10, 11, 64)
        DCE_NARROW(12, 13, 14, 15, 96)
        : [filtered] "+&r"(filtered), [weight] "+&r"(weight)
        : [bias] "r"(layer.bias_signed + first), [multiplier] "r"(layer.multiplier + first), [output] "r"(output + first),
          [end] "r"(end), [one] "i"(kInputs), [two] "i"(2 * kInputs), [three] "i"(3 * kInputs)
        : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
          "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25");
}

#undef DCE_MULTIPLY_PIXEL
#undef DCE_MULTIPLY_LOW
#undef DCE_MULTIPLY_HIGH
#undef DCE_WEIGHTS
#undef DCE_ROUND
#undef DCE_NARROW

// Four pixels, of which the middle two are the pair, as its words.
inline void write_pair(const uint8_t *pixels, int32_t *words) {
    for (int c = 0; c < kFilters; c += 16, words += 16) {
        const uint8x16_t before = vld1q_u8(pixels + c), behind = vld1q_u8(pixels + 3 * kFilters + c);
        const uint8x16_t first = vld1q_u8(pixels + kFilters + c), second = vld1q_u8(pixels + 2 * kFilters + c);
        const uint16x8_t low = vreinterpretq_u16_u8(vzip1q_u8(before, first));
        const uint16x8_t low2 = vreinterpretq_u16_u8(vzip1q_u8(second, behind));
        const uint16x8_t high = vreinterpretq_u16_u8(vzip2q_u8(before, first));
        const uint16x8_t high2 = vreinterpretq_u16_u8(vzip2q_u8(second, behind));
        vst1q_s32(words, vreinterpretq_s32_u16(vzip1q_u16(low, low2)));
        vst1q_s32(words + 4, vreinterpretq_s32_u16(vzip2q_u16(low, low2)));
        vst1q_s32(words + 8, vreinterpretq_s32_u16(vzip1q_u16(high, high2)));
        vst1q_s32(words + 12, vreinterpretq_s32_u16(vzip2q_u16(high, high2)));
    }
}

// `scratch` has the depthwise values, and behind them the outputs: those of the chunk from the fourth pixel on, before them the
// pair that waits for its pixel behind and the pixel before it.
template <int kInputs>
void chunked_row(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *output) {
    uint8_t *const outputs = scratch + kChunk * kInputs;
    memset(scratch, 0, kChunk * kInputs + (kChunk + 4) * kFilters);
    for (int x = 0; x < width; x += kChunk) {
        const bool is_last = width - x <= kChunk;
        const int count = is_last ? width - x : kChunk, pairs = (count + 1) / 2;
        depthwise_pairs<kInputs, true>(layer, input, x / 2, pairs, scratch);
        for (int p = 0; p < count; p += kPointPixels)
            for (int first = 0; first < kFilters; first += 16)
                pointwise_four<kInputs>(layer, scratch + p * kInputs, first, outputs + (3 + p) * kFilters);
        if (is_last) memset(outputs + (3 + count) * kFilters, 0, static_cast<size_t>(kChunk + 1 - count) * kFilters);
        const int waiting = x > 0;
        const uint8_t *pixels = outputs + (waiting ? 0 : 2) * kFilters;
        int32_t *words = output + static_cast<ptrdiff_t>(x / 2 - waiting) * kPairWords;
        for (int p = is_last ? -waiting : 1 - waiting; p < pairs; ++p, pixels += 2 * kFilters, words += kPairWords)
            write_pair(pixels, words);
        memcpy(outputs, outputs + kChunk * kFilters, 3 * kFilters);
    }
}

template <>
inline void hidden<kFilters>(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *output) {
    chunked_row<kFilters>(layer, input, width, scratch, output);
}

template <>
inline void hidden<2 * kFilters>(const Int8Layer &layer, const Int8Input &input, int width, uint8_t *scratch, int32_t *output) {
    chunked_row<2 * kFilters>(layer, input, width, scratch, output);
}

// Of the last layer.
template <>
inline void depthwise<kInt8Pairs, 2 * kFilters>(const Int8Layer &layer, const Int8Input &input, int pair, uint8_t *filtered) {
    depthwise_pairs<2 * kFilters, false>(layer, input, pair, kInt8Pairs, filtered);
}

}  // namespace
}  // namespace dce::vector

#endif
