// The separable layers in the instructions of 32-bit Arm: as convolution_neon.h, with half as many registers. Included by
// convolution_vector.h.
//
// The pointwise convolutions take the lanes of a vector as factors, which only the multiply-add that rounds twice can do here.
#ifndef DCELITE_DSP_CONVOLUTION_NEON32_H
#define DCELITE_DSP_CONVOLUTION_NEON32_H

namespace dce::vector {
namespace {

constexpr int kChunk = 24;         // pixels that are filtered before they are multiplied
constexpr int kPointPixels = 4;    // that are multiplied together, with
constexpr int kPointOutputs = 8;   // of the outputs

// Of three sums in turn: the one of the pixel whose right neighbors the column holds, which is complete then, that of the pixel
// itself, and that of the pixel whose left neighbors it holds, which begins with the bias.
#define DCE_ROW(x, right, middle, left, a, b, c)  \
    "vfma.f32 q" #right ", q" #x ", q" #c "\n"  \
    "vfma.f32 q" #middle ", q" #x ", q" #b "\n" \
    "vfma.f32 q" #left ", q" #x ", q" #a "\n"
#define DCE_COLUMN(right, middle, left)            \
    "vld1.32 {q3}, [%[above]], %[pixel]\n"       \
    "vld1.32 {q" #left "}, [%[bias]]\n"          \
    "vld1.32 {q4}, [%[row]], %[pixel]\n"         \
    "vld1.32 {q5}, [%[below]], %[pixel]\n"       \
    DCE_ROW(3, right, middle, left, 7, 8, 9)       \
    DCE_ROW(4, right, middle, left, 10, 11, 12)    \
    DCE_ROW(5, right, middle, left, 13, 14, 15)
#define DCE_STORE(right) "vst1.32 {q" #right "}, [%[filtered]], %[inputs]\n"
#define DCE_TAP(tap) "vld1.32 {q" #tap "}, [%[weight]], %[inputs]\n"

// Depthwise 3x3 of four channels of `count` pixels, for one input of kFilters channels -> filtered (count, kInputs).
template <int kInputs>
inline void depthwise_four(const float *const rows[3], ptrdiff_t first, const float *weight, const float *bias, int count,
                           float *filtered) {
    const float *above = rows[0] + first, *row = rows[1] + first, *below = rows[2] + first;
    int before = count % 3, triples = count / 3;
    __asm__ volatile(
        DCE_TAP(7) DCE_TAP(8) DCE_TAP(9) DCE_TAP(10) DCE_TAP(11) DCE_TAP(12) DCE_TAP(13) DCE_TAP(14) DCE_TAP(15)
        // The first two columns, of which a sum or two are of no pixel.
        "vld1.32 {q0}, [%[bias]]\n"
        "vld1.32 {q1}, [%[bias]]\n"
        DCE_COLUMN(0, 1, 2)
        DCE_COLUMN(1, 2, 0)  // the sum of the first pixel in q2, of the second in q0
        "cmp %[before], #0\n"
        "beq 2f\n"
        "1:\n"
        DCE_COLUMN(2, 0, 1)
        DCE_STORE(2)
        "subs %[before], %[before], #1\n"
        "vmov q2, q0\n"
        "vmov q0, q1\n"
        "bne 1b\n"
        "2:\n"
        "cmp %[triples], #0\n"
        "beq 4f\n"
        "3:\n"
        DCE_COLUMN(2, 0, 1)
        DCE_STORE(2)
        "subs %[triples], %[triples], #1\n"
        DCE_COLUMN(0, 1, 2)
        DCE_STORE(0)
        DCE_COLUMN(1, 2, 0)
        DCE_STORE(1)
        "bne 3b\n"
        "4:\n"
        : [above] "+&r"(above), [row] "+&r"(row), [below] "+&r"(below), [filtered] "+&r"(filtered), [weight] "+&r"(weight),
          [before] "+&r"(before), [triples] "+&r"(triples)
        : [bias] "r"(bias), [pixel] "r"(kFilters * 4), [inputs] "r"(kInputs * 4)
        : "cc", "memory", "q0", "q1", "q2", "q3", "q4", "q5", "q7", "q8", "q9", "q10", "q11", "q12", "q13", "q14", "q15");
}

#undef DCE_ROW
#undef DCE_COLUMN
#undef DCE_STORE
#undef DCE_TAP

// sums (q8 … q15: four pixels of two vectors) += lane of a pixel (q0 … q3, in halves) x two vectors of weights.
#define DCE_MULTIPLY(d0, d1, d2, d3, lane, weight, weight2)         \
    "vmla.f32 q8, q" #weight ", d" #d0 "[" #lane "]\n"            \
    "vmla.f32 q9, q" #weight2 ", d" #d0 "[" #lane "]\n"           \
    "vmla.f32 q10, q" #weight ", d" #d1 "[" #lane "]\n"           \
    "vmla.f32 q11, q" #weight2 ", d" #d1 "[" #lane "]\n"          \
    "vmla.f32 q12, q" #weight ", d" #d2 "[" #lane "]\n"           \
    "vmla.f32 q13, q" #weight2 ", d" #d2 "[" #lane "]\n"          \
    "vmla.f32 q14, q" #weight ", d" #d3 "[" #lane "]\n"           \
    "vmla.f32 q15, q" #weight2 ", d" #d3 "[" #lane "]\n"
#define DCE_LOW_LANES(lane, weight, weight2) DCE_MULTIPLY(0, 2, 4, 6, lane, weight, weight2)
#define DCE_HIGH_LANES(lane, weight, weight2) DCE_MULTIPLY(1, 3, 5, 7, lane, weight, weight2)
#define DCE_WEIGHTS(first, last) "vld1.32 {d" #first "-d" #last "}, [%[weight]], %[row]\n"
#define DCE_STORE_PIXEL(a, b, first, last)        \
    "vmax.f32 q" #a ", q" #a ", q0\n"           \
    "vmax.f32 q" #b ", q" #b ", q0\n"           \
    "vst1.32 {d" #first "-d" #last "}, [%[output]], %[row]\n"

// Pointwise convolution and ReLU of kPointPixels pixels -> kPointOutputs of their outputs.
template <int kInputs>
inline void pointwise_four(const float *filtered, const float *weight, const float *bias, float *output) {
    const float *second = filtered + kInputs, *third = filtered + 2 * kInputs, *fourth = filtered + 3 * kInputs;
    const float *const end = second;
    __asm__ volatile(
        "vld1.32 {d16-d19}, [%[bias]]\n"
        "vld1.32 {d20-d23}, [%[bias]]\n"
        "vld1.32 {d24-d27}, [%[bias]]\n"
        "vld1.32 {d28-d31}, [%[bias]]\n"
        "1:\n"
        DCE_WEIGHTS(8, 11)
        "vld1.32 {q0}, [%[filtered]]!\n"
        "vld1.32 {q1}, [%[second]]!\n"
        "vld1.32 {q2}, [%[third]]!\n"
        "vld1.32 {q3}, [%[fourth]]!\n"
        DCE_WEIGHTS(12, 15)
        DCE_LOW_LANES(0, 4, 5)
        DCE_WEIGHTS(8, 11)
        DCE_LOW_LANES(1, 6, 7)
        DCE_WEIGHTS(12, 15)
        DCE_HIGH_LANES(0, 4, 5)
        "cmp %[filtered], %[end]\n"
        DCE_HIGH_LANES(1, 6, 7)
        "bne 1b\n"
        "vmov.i32 q0, #0\n"
        DCE_STORE_PIXEL(8, 9, 16, 19)
        DCE_STORE_PIXEL(10, 11, 20, 23)
        DCE_STORE_PIXEL(12, 13, 24, 27)
        DCE_STORE_PIXEL(14, 15, 28, 31)
        : [filtered] "+&r"(filtered), [second] "+&r"(second), [third] "+&r"(third), [fourth] "+&r"(fourth), [weight] "+&r"(weight),
          [output] "+&r"(output)
        : [bias] "r"(bias), [end] "r"(end), [row] "r"(kFilters * 4)
        : "cc", "memory", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10", "q11", "q12", "q13", "q14", "q15");
}

#undef DCE_MULTIPLY
#undef DCE_LOW_LANES
#undef DCE_HIGH_LANES
#undef DCE_WEIGHTS
#undef DCE_STORE_PIXEL

template <int kInputs>
inline void depthwise_chunk(const Layer &layer, const LayerInput &input, int x, int count, float *filtered) {
    for (int c = 0; c < kInputs; c += kLanes)
        depthwise_four<kInputs>(input.rows[c / kFilters], static_cast<ptrdiff_t>(x - 1) * kFilters + c % kFilters,
                                layer.depth + c, layer.depth_bias + c, count, filtered + c);
}

template <int kInputs>
inline void pointwise_block(const Layer &layer, const float *filtered, float *output) {
    for (int o = 0; o < kFilters; o += kPointOutputs)
        pointwise_four<kInputs>(filtered, layer.weight + o, layer.bias + o, output + o);
}

}  // namespace
}  // namespace dce::vector

#endif
