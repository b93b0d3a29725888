// The curve on bytes in the instructions of 64-bit Arm: what compilers make of curve_bytes_vector.h takes a third more of them.
// Included by it.
//
// - A multiply-add overwrites its addend, so that the constant of y^2 - 127.5^2 has to be copied for each one. It is loaded, four
//   copies by one instruction: that leaves the multipliers alone, which a move would hold up.
// - A byte b becomes a float without conversion: the bytes 00 b 00 47 are those of 32768 + b.
// - On the way back, 2^24 y as an integer saturates at 0 and at 256, and its highest byte is the result.
#ifndef DCELITE_DSP_CURVE_BYTES_NEON_H
#define DCELITE_DSP_CURVE_BYTES_NEON_H

namespace dce::vector {
namespace {

struct CurveConstants {
    uint8_t index[4][16];    // of the bytes of a vector of floats: in the 16 of the image, behind which stand those of `exponent`
    uint8_t exponent[16];
    float offset[4];         // 32768 + 127.5
    float minus_square[16];  // -127.5^2
};
alignas(64) constexpr CurveConstants kCurveConstants = {
    {{16, 0, 16, 17, 16, 1, 16, 17, 16, 2, 16, 17, 16, 3, 16, 17},
     {16, 4, 16, 17, 16, 5, 16, 17, 16, 6, 16, 17, 16, 7, 16, 17},
     {16, 8, 16, 17, 16, 9, 16, 17, 16, 10, 16, 17, 16, 11, 16, 17},
     {16, 12, 16, 17, 16, 13, 16, 17, 16, 14, 16, 17, 16, 15, 16, 17}},
    {0x00, 0x47},
    {32895.5f, 32895.5f, 32895.5f, 32895.5f},
    {-16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f,
     -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f}};

// y in v0 … v7, the map in v8 … v15, whatever is between in v16 … v23. Each instruction stands eight before the one that needs
// its result, which is enough for every processor, those that keep the order too.
#define DCE_FOR_FOUR(do) do(0, 8, 16) do(1, 9, 17) do(2, 10, 18) do(3, 11, 19)
#define DCE_FOR_OTHERS(do) do(4, 12, 20) do(5, 13, 21) do(6, 14, 22) do(7, 15, 23)
#define DCE_FOR_EIGHT(do) DCE_FOR_FOUR(do) DCE_FOR_OTHERS(do)
#define DCE_SUBTRACT_OFFSET(y, a, t) "fsub v" #y ".4s, v" #y ".4s, v31.4s\n"
#define DCE_MAP_DIFFERENCE(y, a, t) "fsub v" #t ".4s, v" #t ".4s, v" #a ".4s\n"
#define DCE_MAP(y, a, t) "fmla v" #a ".4s, v" #t ".4s, v30.s[0]\n"
#define DCE_SQUARE(y, a, t) "fmla v" #t ".4s, v" #y ".4s, v" #y ".4s\n"
#define DCE_STEP(y, a, t) "fmla v" #y ".4s, v" #a ".4s, v" #t ".4s\n"
#define DCE_ADD_HALF(y, a, t) "fadd v" #y ".4s, v" #y ".4s, v16.4s\n"
#define DCE_TO_INTEGER(y, a, t) "fcvtzu v" #y ".4s, v" #y ".4s, #24\n"
#define DCE_SQUARES "ld1 {v16.4s, v17.4s, v18.4s, v19.4s}, [%[squares]]\n"
#define DCE_OTHER_SQUARES "ld1 {v20.4s, v21.4s, v22.4s, v23.4s}, [%[squares]]\n"
#define DCE_ITERATION                                                                                                   \
    DCE_FOR_EIGHT(DCE_SQUARE) DCE_FOR_FOUR(DCE_STEP) DCE_SQUARES DCE_FOR_OTHERS(DCE_STEP) DCE_OTHER_SQUARES
#define DCE_WIDEN(y, index) "tbl v" #y ".16b, {v28.16b, v29.16b}, v" #index ".16b\n"

template <>
inline int curve_blocks<kCurveGroups, 1>(const uint8_t *source, const float *above, const float *below, float weight, int count,
                                         uint8_t *destination) {
    static_assert(kCurveGroups == 2 && DCE_ITERATIONS == 8, "eight vectors, eight times");
    const int values = count & ~31;
    if (values == 0) return 0;
    const uint8_t *const end = source + values;
    uint32_t weight_bits;
    memcpy(&weight_bits, &weight, sizeof weight_bits);
    __asm__ volatile(
        "ld1 {v24.16b, v25.16b, v26.16b, v27.16b}, [%[constants]]\n"
        "ldr q29, [%[constants], #64]\n"
        "ldr q31, [%[constants], #80]\n"
        "mov v30.s[0], %w[weight_bits]\n"
        "1:\n"
        "ldr q28, [%[source]], #16\n"
        "prfm pldl1keep, [%[source], #2032]\n"
        DCE_WIDEN(0, 24) DCE_WIDEN(1, 25) DCE_WIDEN(2, 26) DCE_WIDEN(3, 27)
        "ldr q28, [%[source]], #16\n"
        "ldp q8, q9, [%[above]], #32\n"
        "ldp q16, q17, [%[below]], #32\n"
        DCE_WIDEN(4, 24) DCE_WIDEN(5, 25) DCE_WIDEN(6, 26) DCE_WIDEN(7, 27)
        "ldp q10, q11, [%[above]], #32\n"
        "ldp q18, q19, [%[below]], #32\n"
        "ldp q12, q13, [%[above]], #32\n"
        "ldp q20, q21, [%[below]], #32\n"
        "ldp q14, q15, [%[above]], #32\n"
        "ldp q22, q23, [%[below]], #32\n"
        DCE_FOR_EIGHT(DCE_SUBTRACT_OFFSET)
        DCE_FOR_EIGHT(DCE_MAP_DIFFERENCE)
        DCE_FOR_EIGHT(DCE_MAP)
        DCE_SQUARES
        DCE_OTHER_SQUARES
        DCE_ITERATION DCE_ITERATION DCE_ITERATION DCE_ITERATION DCE_ITERATION DCE_ITERATION DCE_ITERATION
        DCE_FOR_EIGHT(DCE_SQUARE)
        DCE_FOR_EIGHT(DCE_STEP)
        "movi v16.4s, #0x43, lsl #24\n"  // 128: 127.5, and a half for rounding
        DCE_FOR_EIGHT(DCE_ADD_HALF)
        DCE_FOR_EIGHT(DCE_TO_INTEGER)
        "uzp2 v0.8h, v0.8h, v1.8h\n"
        "uzp2 v2.8h, v2.8h, v3.8h\n"
        "uzp2 v4.8h, v4.8h, v5.8h\n"
        "uzp2 v6.8h, v6.8h, v7.8h\n"
        "cmp %[source], %[end]\n"
        "uzp2 v0.16b, v0.16b, v2.16b\n"
        "uzp2 v1.16b, v4.16b, v6.16b\n"
        "stp q0, q1, [%[destination]], #32\n"
        "b.ne 1b\n"
        : [source] "+&r"(source), [above] "+&r"(above), [below] "+&r"(below), [destination] "+&r"(destination)
        : [constants] "r"(&kCurveConstants), [squares] "r"(kCurveConstants.minus_square), [weight_bits] "r"(weight_bits), [end] "r"(end)
        : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
          "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31");
    return values;
}

#undef DCE_FOR_FOUR
#undef DCE_FOR_OTHERS
#undef DCE_FOR_EIGHT
#undef DCE_SUBTRACT_OFFSET
#undef DCE_MAP_DIFFERENCE
#undef DCE_MAP
#undef DCE_SQUARE
#undef DCE_STEP
#undef DCE_ADD_HALF
#undef DCE_TO_INTEGER
#undef DCE_SQUARES
#undef DCE_OTHER_SQUARES
#undef DCE_ITERATION
#undef DCE_WIDEN

}  // namespace
}  // namespace dce::vector

#endif
