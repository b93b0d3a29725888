// The separable layers in the instructions of 64-bit Arm, where compilers take half as many again for convolution_vector.h: they
// fetch the lanes of a vector one by one, or spill sums. Included by it; the sums are added up in the same order.
#ifndef DCELITE_DSP_CONVOLUTION_NEON_H
#define DCELITE_DSP_CONVOLUTION_NEON_H

namespace dce::vector {
namespace {

constexpr int kPixelFloats = kFilters * 4;  // bytes of a pixel of a row, and of a row of the pointwise weights
constexpr int kChunk = 40;                  // pixels that are filtered before they are multiplied
constexpr int kPointPixels = 5;             // that are multiplied together, with
constexpr int kPointOutputs = 16;           // of the outputs

// Of three sums in turn for each of two vectors of channels: the one of the pixel whose right neighbors the column holds, which
// is complete then, that of the pixel itself, and that of the pixel whose left neighbors it holds, which begins with the bias.
#define DCE_ROW(x, y, right, right2, middle, middle2, left, left2, a, b, c, a2, b2, c2, row) \
    "ldp q" #x ", q" #y ", [%[" #row "]], %[pixel]\n"                                        \
    "fmla v" #right ".4s, v" #x ".4s, v" #c ".4s\n"                                          \
    "fmla v" #right2 ".4s, v" #y ".4s, v" #c2 ".4s\n"                                        \
    "fmla v" #middle ".4s, v" #x ".4s, v" #b ".4s\n"                                         \
    "fmla v" #middle2 ".4s, v" #y ".4s, v" #b2 ".4s\n"                                       \
    "fmla v" #left ".4s, v" #x ".4s, v" #a ".4s\n"                                           \
    "fmla v" #left2 ".4s, v" #y ".4s, v" #a2 ".4s\n"
#define DCE_COLUMN(right, right2, middle, middle2, left, left2)                                    \
    "ldp q" #left ", q" #left2 ", [%[bias]]\n"                                                   \
    DCE_ROW(6, 7, right, right2, middle, middle2, left, left2, 14, 16, 18, 15, 17, 19, above)    \
    DCE_ROW(8, 9, right, right2, middle, middle2, left, left2, 20, 22, 24, 21, 23, 25, row)      \
    DCE_ROW(10, 11, right, right2, middle, middle2, left, left2, 26, 28, 30, 27, 29, 31, below)
#define DCE_STORE(right, right2) "stp q" #right ", q" #right2 ", [%[filtered]], %[step]\n"
#define DCE_TAP(first, second, tap) "ldp q" #first ", q" #second ", [%[weight]], %[inputs]\n"

// Depthwise 3x3 of eight channels of `count` pixels, for one input of kFilters channels -> filtered (count, kInputs).
template <int kInputs>
inline void depthwise_eight(const float *const rows[3], ptrdiff_t first, const float *weight, const float *bias, int count,
                            float *filtered) {
    const float *above = rows[0] + first, *row = rows[1] + first, *below = rows[2] + first;
    int before = count % 3, triples = count / 3;
    __asm__ volatile(
        DCE_TAP(14, 15, 0) DCE_TAP(16, 17, 1) DCE_TAP(18, 19, 2)
        DCE_TAP(20, 21, 3) DCE_TAP(22, 23, 4) DCE_TAP(24, 25, 5)
        DCE_TAP(26, 27, 6) DCE_TAP(28, 29, 7) DCE_TAP(30, 31, 8)
        // The first two columns, of which a sum or two are of no pixel.
        "ldp q2, q3, [%[bias]]\n"
        "ldp q0, q1, [%[bias]]\n"
        DCE_COLUMN(0, 1, 2, 3, 4, 5)
        DCE_COLUMN(2, 3, 4, 5, 0, 1)  // sums of the first pixel in 4 and 5, of the second in 0 and 1
        "cbz %w[before], 2f\n"
        "1:\n"
        DCE_COLUMN(4, 5, 0, 1, 2, 3)
        DCE_STORE(4, 5)
        "mov v4.16b, v0.16b\n"
        "mov v5.16b, v1.16b\n"
        "mov v0.16b, v2.16b\n"
        "mov v1.16b, v3.16b\n"
        "subs %w[before], %w[before], #1\n"
        "b.ne 1b\n"
        "2:\n"
        "cbz %w[triples], 4f\n"
        "3:\n"
        DCE_COLUMN(4, 5, 0, 1, 2, 3)
        DCE_STORE(4, 5)
        "subs %w[triples], %w[triples], #1\n"
        DCE_COLUMN(0, 1, 2, 3, 4, 5)
        DCE_STORE(0, 1)
        DCE_COLUMN(2, 3, 4, 5, 0, 1)
        DCE_STORE(2, 3)
        "b.ne 3b\n"
        "4:\n"
        : [above] "+&r"(above), [row] "+&r"(row), [below] "+&r"(below), [filtered] "+&r"(filtered), [weight] "+&r"(weight),
          [before] "+&r"(before), [triples] "+&r"(triples)
        : [bias] "r"(bias), [pixel] "i"(kPixelFloats), [step] "i"(kInputs * 4), [inputs] "i"(kInputs * 4)
        : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v14", "v15", "v16", "v17",
          "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
}

#undef DCE_ROW
#undef DCE_COLUMN
#undef DCE_STORE
#undef DCE_TAP

// sums (v0 … v19: five pixels of four vectors) += lane of a pixel (v20 … v24) x two of the four vectors of weights of its channel.
#define DCE_MULTIPLY_PIXEL(sum, sum2, pixel, lane, weight, weight2)                    \
    "fmla v" #sum ".4s, v" #weight ".4s, v" #pixel ".s[" #lane "]\n"             \
    "fmla v" #sum2 ".4s, v" #weight2 ".4s, v" #pixel ".s[" #lane "]\n"
#define DCE_MULTIPLY_LOW(lane, weight, weight2)              \
    DCE_MULTIPLY_PIXEL(0, 1, 20, lane, weight, weight2)   \
    DCE_MULTIPLY_PIXEL(4, 5, 21, lane, weight, weight2)   \
    DCE_MULTIPLY_PIXEL(8, 9, 22, lane, weight, weight2)   \
    DCE_MULTIPLY_PIXEL(12, 13, 23, lane, weight, weight2) \
    DCE_MULTIPLY_PIXEL(16, 17, 24, lane, weight, weight2)
#define DCE_MULTIPLY_HIGH(lane, weight, weight2)              \
    DCE_MULTIPLY_PIXEL(2, 3, 20, lane, weight, weight2)    \
    DCE_MULTIPLY_PIXEL(6, 7, 21, lane, weight, weight2)    \
    DCE_MULTIPLY_PIXEL(10, 11, 22, lane, weight, weight2)  \
    DCE_MULTIPLY_PIXEL(14, 15, 23, lane, weight, weight2)  \
    DCE_MULTIPLY_PIXEL(18, 19, 24, lane, weight, weight2)
#define DCE_WEIGHTS(first, second, offset) "ldp q" #first ", q" #second ", [%[weight], #" #offset "]\n"
#define DCE_RELU(sum, sum2)                            \
    "fmaxnm v" #sum ".4s, v" #sum ".4s, v20.4s\n"    \
    "fmaxnm v" #sum2 ".4s, v" #sum2 ".4s, v20.4s\n"
#define DCE_STORE_PIXEL(a, b, c, d, offset)                                                              \
    DCE_RELU(a, b) DCE_RELU(c, d)                                                                      \
    "stp q" #a ", q" #b ", [%[output], #" #offset "]\n"                                              \
    "stp q" #c ", q" #d ", [%[output], #" #offset " + 32]\n"

// Pointwise convolution and ReLU of five pixels -> 16 of their outputs. The weights of a pair of vectors are loaded while those
// before them are multiplied: processors that keep the order would wait otherwise.
template <int kInputs>
inline void pointwise_five(const float *filtered, const float *weight, const float *bias, float *output) {
    const float *const end = filtered + kInputs;
    __asm__ volatile(
        "ld1 {v0.4s, v1.4s, v2.4s, v3.4s}, [%[bias]]\n"
        "ld1 {v4.4s, v5.4s, v6.4s, v7.4s}, [%[bias]]\n"
        "ld1 {v8.4s, v9.4s, v10.4s, v11.4s}, [%[bias]]\n"
        "ld1 {v12.4s, v13.4s, v14.4s, v15.4s}, [%[bias]]\n"
        "ld1 {v16.4s, v17.4s, v18.4s, v19.4s}, [%[bias]]\n"
        "1:\n"
        DCE_WEIGHTS(25, 26, 0)
        "ldr q24, [%[filtered], %[four]]\n"
        "ldr q23, [%[filtered], %[three]]\n"
        "ldr q22, [%[filtered], %[two]]\n"
        "ldr q21, [%[filtered], %[one]]\n"
        "ldr q20, [%[filtered]], #16\n"
        DCE_WEIGHTS(27, 28, 32)
        DCE_MULTIPLY_LOW(0, 25, 26)
        DCE_WEIGHTS(29, 30, 128)
        DCE_MULTIPLY_HIGH(0, 27, 28)
        DCE_WEIGHTS(25, 26, 160)
        DCE_MULTIPLY_LOW(1, 29, 30)
        DCE_WEIGHTS(27, 28, 256)
        DCE_MULTIPLY_HIGH(1, 25, 26)
        DCE_WEIGHTS(29, 30, 288)
        DCE_MULTIPLY_LOW(2, 27, 28)
        DCE_WEIGHTS(25, 26, 384)
        DCE_MULTIPLY_HIGH(2, 29, 30)
        DCE_WEIGHTS(27, 28, 416)
        DCE_MULTIPLY_LOW(3, 25, 26)
        "add %[weight], %[weight], #512\n"
        "cmp %[filtered], %[end]\n"
        DCE_MULTIPLY_HIGH(3, 27, 28)
        "b.ne 1b\n"
        "movi v20.4s, #0\n"
        DCE_STORE_PIXEL(0, 1, 2, 3, 0)
        DCE_STORE_PIXEL(4, 5, 6, 7, 128)
        DCE_STORE_PIXEL(8, 9, 10, 11, 256)
        DCE_STORE_PIXEL(12, 13, 14, 15, 384)
        DCE_STORE_PIXEL(16, 17, 18, 19, 512)
        : [filtered] "+&r"(filtered), [weight] "+&r"(weight)
        : [bias] "r"(bias), [output] "r"(output), [end] "r"(end), [one] "i"(kInputs * 4), [two] "i"(kInputs * 8),
          [three] "i"(kInputs * 12), [four] "i"(kInputs * 16)
        : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
          "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30");
}

#undef DCE_MULTIPLY_PIXEL
#undef DCE_MULTIPLY_LOW
#undef DCE_MULTIPLY_HIGH
#undef DCE_WEIGHTS
#undef DCE_RELU
#undef DCE_STORE_PIXEL

template <int kInputs>
inline void depthwise_chunk(const Layer &layer, const LayerInput &input, int x, int count, float *filtered) {
    for (int c = 0; c < kInputs; c += 2 * kLanes)
        depthwise_eight<kInputs>(input.rows[c / kFilters], static_cast<ptrdiff_t>(x - 1) * kFilters + c % kFilters,
                                 layer.depth + c, layer.depth_bias + c, count, filtered + c);
}

template <int kInputs>
inline void pointwise_block(const Layer &layer, const float *filtered, float *output) {
    for (int o = 0; o < kFilters; o += kPointOutputs)
        pointwise_five<kInputs>(filtered, layer.weight + o, layer.bias + o, output + o);
}

}  // namespace
}  // namespace dce::vector

#endif
