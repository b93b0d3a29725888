// What convolution_int8_neon.h does to whole blocks of pixels, in the instructions of 64-bit Arm with dot products. Included by
// it.
//
// - A dot product overwrites its addend, so that sums begin as copies of the biases. They are loaded, four vectors by one
//   instruction, and so are weights.
// - st4 takes four registers in a row: the last three pixels and the four next ones stand in seven, of which two words of pairs
//   are v0 … v3 and v2 … v5.
// - What one instruction loads or computes is used several later, for cores that keep the order.
#ifndef DCELITE_DSP_CONVOLUTION_INT8_NEONDOT_H
#define DCELITE_DSP_CONVOLUTION_INT8_NEONDOT_H

namespace dce::vector {
namespace {

#define DCE_TO_FLOATS(x, factor) "scvtf v" #x ".4s, v" #x ".4s\n"
#define DCE_MULTIPLY(x, factor) "fmul v" #x ".4s, v" #x ".4s, v" #factor ".4s\n"
#define DCE_TO_INTEGERS(x, factor) "fcvtnu v" #x ".4s, v" #x ".4s\n"
#define DCE_REQUANTIZE(do) do(DCE_TO_FLOATS) do(DCE_MULTIPLY) do(DCE_TO_INTEGERS)

// ---- depthwise ----

// Sums of two pairs in v0 … v7: of a pair's first pixel, two vectors, of its second one. Weights of the first pixel in
// v16 … v21, of the second one in v22 … v27.
#define DCE_LOAD(a, b, c, d, row) \
    "ldp q" #a ", q" #b ", [%[" #row "]], %[pair]\n" "ldp q" #c ", q" #d ", [%[" #row "]], %[pair]\n"
#define DCE_DOT(sum, values, weights) "sdot v" #sum ".4s, v" #values ".16b, v" #weights ".16b\n"
#define DCE_DOTS(a, b, c, d, first, first2, second, second2)                                \
    DCE_DOT(0, a, first) DCE_DOT(1, b, first2) DCE_DOT(2, a, second) DCE_DOT(3, b, second2) \
    DCE_DOT(4, c, first) DCE_DOT(5, d, first2) DCE_DOT(6, c, second) DCE_DOT(7, d, second2)
#define DCE_SUMS(do) do(0, 28) do(1, 29) do(2, 28) do(3, 29) do(4, 28) do(5, 29) do(6, 28) do(7, 29)

// Eight channels of as many of the pairs as are twos of them; returns how many these are.
template <int kInputs>
inline int filter_even_pairs(const int32_t *const *words, const int32_t *depth, const int32_t *bias, const float *multiplier,
                             int pairs, int8_t *filtered) {
    int twos = pairs / 2;
    if (twos == 0) return 0;
    const int32_t *above = words[0], *row = words[1], *below = words[2];
    int32_t biases[16];  // of both pixels
    __asm__ volatile(
        "ldp q0, q1, [%[bias]]\n"
        "ldp q16, q17, [%[depth]]\n"
        "ldp q18, q19, [%[depth], %[inputs]]\n"
        "ldp q20, q21, [%[depth], %[inputs2]]\n"
        "ldp q28, q29, [%[multiplier]]\n"
        "movi v30.16b, #128\n"
        "stp q0, q1, [%[biases]]\n"
        "stp q0, q1, [%[biases], #32]\n"
        "shl v22.4s, v16.4s, #8\n"
        "shl v23.4s, v17.4s, #8\n"
        "shl v24.4s, v18.4s, #8\n"
        "shl v25.4s, v19.4s, #8\n"
        "shl v26.4s, v20.4s, #8\n"
        "shl v27.4s, v21.4s, #8\n"
        "1:\n"
        DCE_LOAD(8, 9, 10, 11, above)
        "ld1 {v0.4s, v1.4s, v2.4s, v3.4s}, [%[biases]]\n"
        DCE_LOAD(12, 13, 14, 15, row)
        "ld1 {v4.4s, v5.4s, v6.4s, v7.4s}, [%[biases]]\n"
        DCE_DOTS(8, 9, 10, 11, 16, 17, 22, 23)
        DCE_LOAD(8, 9, 10, 11, below)
        DCE_DOTS(12, 13, 14, 15, 18, 19, 24, 25)
        "subs %w[twos], %w[twos], #1\n"
        DCE_DOTS(8, 9, 10, 11, 20, 21, 26, 27)
        DCE_REQUANTIZE(DCE_SUMS)
        "uqxtn v0.4h, v0.4s\n"
        "uqxtn v2.4h, v2.4s\n"
        "uqxtn v4.4h, v4.4s\n"
        "uqxtn v6.4h, v6.4s\n"
        "uqxtn2 v0.8h, v1.4s\n"
        "uqxtn2 v2.8h, v3.4s\n"
        "uqxtn2 v4.8h, v5.4s\n"
        "uqxtn2 v6.8h, v7.4s\n"
        "uqxtn v0.8b, v0.8h\n"
        "uqxtn v4.8b, v4.8h\n"
        "uqxtn2 v0.16b, v2.8h\n"
        "uqxtn2 v4.16b, v6.8h\n"
        "eor v0.16b, v0.16b, v30.16b\n"
        "eor v1.16b, v4.16b, v30.16b\n"
        "stp q0, q1, [%[filtered]], #32\n"
        "b.ne 1b\n"
        : [above] "+&r"(above), [row] "+&r"(row), [below] "+&r"(below), [filtered] "+&r"(filtered), [twos] "+&r"(twos)
        : [depth] "r"(depth), [bias] "r"(bias), [multiplier] "r"(multiplier), [biases] "r"(biases), [inputs] "i"(4 * kInputs),
          [inputs2] "i"(8 * kInputs), [pair] "i"(4 * kPairWords)
        : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
          "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30");
    return pairs & ~1;
}

#undef DCE_LOAD
#undef DCE_DOT
#undef DCE_DOTS
#undef DCE_SUMS

// ---- pointwise ----

// Sums of four pixels in v16 … v31, four vectors each. Weights of four inputs in v4 … v7, of four others in v8 … v11; a pair's
// values of eight inputs in v0, or v2, the next pair's in v1, or v3.
#define DCE_DOT(sum, weights, values, lane) "sdot v" #sum ".4s, v" #weights ".16b, v" #values ".4b[" #lane "]\n"
#define DCE_PIXEL(a, b, c, d, w, x, y, z, values, lane) \
    DCE_DOT(a, w, values, lane) DCE_DOT(b, x, values, lane) DCE_DOT(c, y, values, lane) DCE_DOT(d, z, values, lane)
#define DCE_PIXELS(w, x, y, z, pair, next, first, second)                                                  \
    DCE_PIXEL(16, 17, 18, 19, w, x, y, z, pair, first) DCE_PIXEL(20, 21, 22, 23, w, x, y, z, pair, second) \
    DCE_PIXEL(24, 25, 26, 27, w, x, y, z, next, first) DCE_PIXEL(28, 29, 30, 31, w, x, y, z, next, second)
#define DCE_BIASES                                      \
    "ld1 {v16.4s, v17.4s, v18.4s, v19.4s}, [%[bias]]\n" \
    "ld1 {v20.4s, v21.4s, v22.4s, v23.4s}, [%[bias]]\n" \
    "ld1 {v24.4s, v25.4s, v26.4s, v27.4s}, [%[bias]]\n" \
    "ld1 {v28.4s, v29.4s, v30.4s, v31.4s}, [%[bias]]\n"
#define DCE_VALUES(pair, next) "ldp q" #pair ", q" #next ", [%[values]], %[eight]\n"
#define DCE_WEIGHTS "ld1 {v4.4s, v5.4s, v6.4s, v7.4s}, [%[weight]], %[outputs]\n"
#define DCE_OTHER_WEIGHTS "ld1 {v8.4s, v9.4s, v10.4s, v11.4s}, [%[weight]], %[outputs]\n"
#define DCE_EIGHT_INPUTS(pair, next, pair_behind, next_behind) \
    DCE_VALUES(pair_behind, next_behind)                       \
    DCE_PIXELS(4, 5, 6, 7, pair, next, 0, 2) DCE_WEIGHTS       \
    DCE_PIXELS(8, 9, 10, 11, pair, next, 1, 3) DCE_OTHER_WEIGHTS

// Sums -> bytes of the pixels in v3 … v6, behind the last three in v0 … v2; then words of the pair before and of the next one.
#define DCE_SUMS(do)                                                                        \
    do(16, 12) do(17, 13) do(18, 14) do(19, 15) do(20, 12) do(21, 13) do(22, 14) do(23, 15) \
    do(24, 12) do(25, 13) do(26, 14) do(27, 15) do(28, 12) do(29, 13) do(30, 14) do(31, 15)
#define DCE_EACH(do) do(16, 17, 18, 19, 3) do(20, 21, 22, 23, 4) do(24, 25, 26, 27, 5) do(28, 29, 30, 31, 6)
#define DCE_TO_WORDS(a, b, c, d, byte) "uqxtn v" #a ".4h, v" #a ".4s\n" "uqxtn v" #c ".4h, v" #c ".4s\n"
#define DCE_TO_WORDS2(a, b, c, d, byte) "uqxtn2 v" #a ".8h, v" #b ".4s\n" "uqxtn2 v" #c ".8h, v" #d ".4s\n"
#define DCE_TO_BYTES(a, b, c, d, byte) "uqxtn v" #a ".8b, v" #a ".8h\n"
#define DCE_TO_BYTES2(a, b, c, d, byte) "uqxtn2 v" #a ".16b, v" #c ".8h\n"
#define DCE_TO_SIGNED(a, b, c, d, byte) "eor v" #byte ".16b, v" #a ".16b, v7.16b\n"
#define DCE_WRITE                                                                                                         \
    DCE_REQUANTIZE(DCE_SUMS)                                                                                              \
    "ld1 {v0.16b, v1.16b, v2.16b}, [%[pending]]\n"                                                                        \
    DCE_EACH(DCE_TO_WORDS) DCE_EACH(DCE_TO_WORDS2) DCE_EACH(DCE_TO_BYTES) DCE_EACH(DCE_TO_BYTES2) DCE_EACH(DCE_TO_SIGNED) \
    "subs %w[blocks], %w[blocks], #1\n"                                                                                   \
    "st4 {v0.16b, v1.16b, v2.16b, v3.16b}, [%[before]]\n"                                                                 \
    "add %[before], %[words], %[pair]\n"                                                                                  \
    "st4 {v2.16b, v3.16b, v4.16b, v5.16b}, [%[words]], %[two_pairs]\n"                                                    \
    "st1 {v4.16b, v5.16b, v6.16b}, [%[pending]]\n"                                                                        \
    "b.ne 1b\n"
#define DCE_CLOBBERED                                                                                                     \
    "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", \
        "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31"

// Half h of the outputs of as many of the pairs as are twos of them; returns how many these are. `words` are those of pair
// `first`, which begins the row where it is 0: nothing is before it.
template <int kInputs>
inline int write_blocks(const Int8Layer &layer, const int8_t *filtered, int first, int pairs, int h, Pending *pending,
                        int32_t *words) {
    int blocks = pairs / 2;
    if (blocks == 0) return 0;
    int32_t nothing[16], *before = first > 0 ? words - kPairWords : nothing;
    const int8_t *values;
    const int32_t *weight;
    __asm__ volatile(
        "1:\n"
        "mov %[values], %[filtered]\n"
        "mov %[weight], %[point]\n"
        DCE_VALUES(0, 1)
        DCE_WEIGHTS
        DCE_BIASES
        DCE_OTHER_WEIGHTS
        ".rept %c[repeats]\n"
        DCE_EIGHT_INPUTS(0, 1, 2, 3)
        DCE_EIGHT_INPUTS(2, 3, 0, 1)
        ".endr\n"
        DCE_EIGHT_INPUTS(0, 1, 2, 3)
        "ld1 {v12.4s, v13.4s, v14.4s, v15.4s}, [%[multiplier]]\n"
        DCE_PIXELS(4, 5, 6, 7, 2, 3, 0, 2)
        "add %[filtered], %[filtered], #32\n"
        "movi v7.16b, #128\n"
        DCE_PIXELS(8, 9, 10, 11, 2, 3, 1, 3)
        DCE_WRITE
        : [filtered] "+&r"(filtered), [before] "+&r"(before), [words] "+&r"(words), [blocks] "+&r"(blocks),
          [values] "=&r"(values), [weight] "=&r"(weight)
        : [point] "r"(layer.point + 16 * h), [bias] "r"(layer.bias_signed + 16 * h),
          [multiplier] "r"(layer.multiplier + 16 * h), [pending] "r"(pending),
          [outputs] "r"(static_cast<ptrdiff_t>(4 * kFilters)), [two_pairs] "r"(static_cast<ptrdiff_t>(8 * kPairWords)),
          [pair] "i"(4 * kPairWords), [eight] "i"(kDepthStride), [repeats] "i"(kInputs / 16 - 1)
        : DCE_CLOBBERED);
    return pairs & ~1;
}

// The same of layer 1, in pixels.
inline int write_image_blocks(const Int8Layer &layer, const int8_t *filtered, int first, int pixels, int h, Pending *pending,
                              int32_t *words) {
    int blocks = pixels / 4;
    if (blocks == 0) return 0;
    int32_t nothing[16], *before = first > 0 ? words - kPairWords : nothing;
    __asm__ volatile(
        "ld1 {v8.4s, v9.4s, v10.4s, v11.4s}, [%[point]]\n"
        "ld1 {v12.4s, v13.4s, v14.4s, v15.4s}, [%[multiplier]]\n"
        "movi v7.16b, #128\n"
        "1:\n"
        "ldr q3, [%[filtered]], #16\n"
        DCE_BIASES
        DCE_PIXEL(16, 17, 18, 19, 8, 9, 10, 11, 3, 0)
        DCE_PIXEL(20, 21, 22, 23, 8, 9, 10, 11, 3, 1)
        DCE_PIXEL(24, 25, 26, 27, 8, 9, 10, 11, 3, 2)
        DCE_PIXEL(28, 29, 30, 31, 8, 9, 10, 11, 3, 3)
        DCE_WRITE
        : [filtered] "+&r"(filtered), [before] "+&r"(before), [words] "+&r"(words), [blocks] "+&r"(blocks)
        : [point] "r"(layer.point + 16 * h), [bias] "r"(layer.bias_signed + 16 * h),
          [multiplier] "r"(layer.multiplier + 16 * h), [pending] "r"(pending),
          [two_pairs] "r"(static_cast<ptrdiff_t>(8 * kPairWords)), [pair] "i"(4 * kPairWords)
        : DCE_CLOBBERED);
    return pixels & ~3;
}

#undef DCE_TO_FLOATS
#undef DCE_MULTIPLY
#undef DCE_TO_INTEGERS
#undef DCE_REQUANTIZE
#undef DCE_DOT
#undef DCE_PIXEL
#undef DCE_PIXELS
#undef DCE_BIASES
#undef DCE_VALUES
#undef DCE_WEIGHTS
#undef DCE_OTHER_WEIGHTS
#undef DCE_EIGHT_INPUTS
#undef DCE_SUMS
#undef DCE_EACH
#undef DCE_TO_WORDS
#undef DCE_TO_WORDS2
#undef DCE_TO_BYTES
#undef DCE_TO_BYTES2
#undef DCE_TO_SIGNED
#undef DCE_WRITE
#undef DCE_CLOBBERED

}  // namespace
}  // namespace dce::vector

#endif
