// The curve in fixed point in the instructions of 64-bit Arm. Included by curve_fixed_vector.h.
//
// - With the multiply-adds of Armv8.1 (sqrdmlah), y . y - kFixedQuarter is one of them. It overwrites its addend, which is
//   loaded before, four copies by one instruction, as in curve_bytes_neon.h.
// - Rows of the map are loaded by four vectors.
#ifndef DCELITE_DSP_CURVE_FIXED_NEON_H
#define DCELITE_DSP_CURVE_FIXED_NEON_H

namespace dce::vector {
namespace {

void combine_rows(const int16_t *above, const int16_t *below, int count, int16_t *sum, int16_t *difference) {
    constexpr int kBlock = 4 * kShorts;
    static_assert(kBlock <= kFixedSlack, "what is written too much lies behind the row");
    int blocks = (count + kBlock - 1) / kBlock;
    __asm__ volatile(
        "1:\n"
        "ld1 {v0.8h, v1.8h, v2.8h, v3.8h}, [%[above]], #64\n"
        "ld1 {v4.8h, v5.8h, v6.8h, v7.8h}, [%[below]], #64\n"
        "subs %w[blocks], %w[blocks], #1\n"
        "add v16.8h, v0.8h, v4.8h\n"
        "add v17.8h, v1.8h, v5.8h\n"
        "add v18.8h, v2.8h, v6.8h\n"
        "add v19.8h, v3.8h, v7.8h\n"
        "sub v20.8h, v4.8h, v0.8h\n"
        "sub v21.8h, v5.8h, v1.8h\n"
        "sub v22.8h, v6.8h, v2.8h\n"
        "sub v23.8h, v7.8h, v3.8h\n"
        "st1 {v16.8h, v17.8h, v18.8h, v19.8h}, [%[sum]], #64\n"
        "st1 {v20.8h, v21.8h, v22.8h, v23.8h}, [%[difference]], #64\n"
        "b.ne 1b\n"
        : [above] "+&r"(above), [below] "+&r"(below), [sum] "+&r"(sum), [difference] "+&r"(difference), [blocks] "+&r"(blocks)
        :
        : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19", "v20", "v21", "v22",
          "v23");
}

#define DCE_EIGHT(value) value, value, value, value, value, value, value, value
alignas(64) constexpr int16_t kMinusQuarters[4 * kShorts] = {DCE_EIGHT(-kFixedQuarter), DCE_EIGHT(-kFixedQuarter),
                                                             DCE_EIGHT(-kFixedQuarter), DCE_EIGHT(-kFixedQuarter)};
#undef DCE_EIGHT

// y in v0 … v7, the map in v8 … v15, whatever is between in v16 … v23. Each instruction stands at least four before the one
// that needs its result.
#define DCE_FOR_FOUR(do) do(0, 8, 16) do(1, 9, 17) do(2, 10, 18) do(3, 11, 19)
#define DCE_FOR_OTHERS(do) do(4, 12, 20) do(5, 13, 21) do(6, 14, 22) do(7, 15, 23)
#define DCE_FOR_EIGHT(do) DCE_FOR_FOUR(do) DCE_FOR_OTHERS(do)
#if defined(__ARM_FEATURE_QRDMX)
#  define DCE_MAP_PRODUCT(y, a, t)
#  define DCE_MAP(y, a, t) "sqrdmlah v" #a ".8h, v" #t ".8h, v25.8h\n"
#  define DCE_SQUARE(y, a, t) "sqrdmlah v" #t ".8h, v" #y ".8h, v" #y ".8h\n"
#  define DCE_LESS_QUARTER(y, a, t)
#  define DCE_PRODUCT(y, a, t)
#  define DCE_STEP(y, a, t) "sqrdmlah v" #y ".8h, v" #a ".8h, v" #t ".8h\n"
#  define DCE_QUARTERS "ld1 {v16.8h, v17.8h, v18.8h, v19.8h}, [%[quarters]]\n"
#  define DCE_OTHER_QUARTERS "ld1 {v20.8h, v21.8h, v22.8h, v23.8h}, [%[quarters]]\n"
#else
#  define DCE_MAP_PRODUCT(y, a, t) "sqrdmulh v" #t ".8h, v" #t ".8h, v25.8h\n"
#  define DCE_MAP(y, a, t) "add v" #a ".8h, v" #a ".8h, v" #t ".8h\n"
#  define DCE_SQUARE(y, a, t) "sqrdmulh v" #t ".8h, v" #y ".8h, v" #y ".8h\n"
#  define DCE_LESS_QUARTER(y, a, t) "add v" #t ".8h, v" #t ".8h, v26.8h\n"
#  define DCE_PRODUCT(y, a, t) "sqrdmulh v" #t ".8h, v" #t ".8h, v" #a ".8h\n"
#  define DCE_STEP(y, a, t) "add v" #y ".8h, v" #y ".8h, v" #t ".8h\n"
#  define DCE_QUARTERS
#  define DCE_OTHER_QUARTERS
#endif
#define DCE_ITERATION                                                                                                        \
    DCE_FOR_EIGHT(DCE_SQUARE) DCE_FOR_EIGHT(DCE_LESS_QUARTER) DCE_FOR_EIGHT(DCE_PRODUCT) DCE_FOR_FOUR(DCE_STEP) DCE_QUARTERS \
    DCE_FOR_OTHERS(DCE_STEP) DCE_OTHER_QUARTERS

#define DCE_SUMS "ld1 {v8.8h, v9.8h, v10.8h, v11.8h}, [%[sum]], #64\n"
#define DCE_OTHER_SUMS "ld1 {v12.8h, v13.8h, v14.8h, v15.8h}, [%[sum]], #64\n"
#define DCE_DIFFERENCES "ld1 {v16.8h, v17.8h, v18.8h, v19.8h}, [%[difference]], #64\n"
#define DCE_OTHER_DIFFERENCES "ld1 {v20.8h, v21.8h, v22.8h, v23.8h}, [%[difference]], #64\n"
#define DCE_START              \
    "movi v24.16b, #128\n"     \
    "dup v25.8h, %w[weight]\n" \
    "ldr q26, [%[quarters]]\n" \
    "1:\n"
#define DCE_CURVE_AND_STORE                                                                                      \
    DCE_FOR_EIGHT(DCE_MAP_PRODUCT) DCE_FOR_FOUR(DCE_MAP) DCE_QUARTERS DCE_FOR_OTHERS(DCE_MAP) DCE_OTHER_QUARTERS \
    DCE_ITERATION DCE_ITERATION DCE_ITERATION DCE_ITERATION DCE_ITERATION DCE_ITERATION DCE_ITERATION            \
    DCE_FOR_EIGHT(DCE_SQUARE) DCE_FOR_EIGHT(DCE_LESS_QUARTER) DCE_FOR_EIGHT(DCE_PRODUCT) DCE_FOR_EIGHT(DCE_STEP) \
    "cmp %[source], %[end]\n"                                                                                    \
    "uzp2 v0.16b, v0.16b, v1.16b\n"                                                                              \
    "uzp2 v1.16b, v2.16b, v3.16b\n"                                                                              \
    "uzp2 v2.16b, v4.16b, v5.16b\n"                                                                              \
    "uzp2 v3.16b, v6.16b, v7.16b\n"                                                                              \
    "eor v0.16b, v0.16b, v24.16b\n"                                                                              \
    "eor v1.16b, v1.16b, v24.16b\n"                                                                              \
    "eor v2.16b, v2.16b, v24.16b\n"                                                                              \
    "eor v3.16b, v3.16b, v24.16b\n"                                                                              \
    "st1 {v0.16b, v1.16b, v2.16b, v3.16b}, [%[destination]], #64\n"                                              \
    "b.ne 1b\n"
#define DCE_OPERANDS                                                                                                 \
    : [source] "+&r"(source), [sum] "+&r"(sum), [difference] "+&r"(difference), [destination] "+&r"(destination)     \
    : [quarters] "r"(kMinusQuarters), [weight] "r"(static_cast<int32_t>(weight)), [end] "r"(end)                     \
    : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", \
      "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26"

constexpr int kLongBlock = 64;  // values

// As many values of a row as are whole blocks; returns how many these are.
inline int curve_long_blocks(const uint8_t *source, const int16_t *sum, const int16_t *difference, int16_t weight, int count,
                             uint8_t *destination) {
    static_assert(DCE_ITERATIONS == 8 && kShorts == 8, "eight vectors of eight values, eight times");
    const int values = count / kLongBlock * kLongBlock;
    if (values == 0) return 0;
    const uint8_t *const end = source + values;
    __asm__ volatile(
        DCE_START
        "ld1 {v16.16b, v17.16b, v18.16b, v19.16b}, [%[source]], #64\n"
        DCE_SUMS
        "eor v20.16b, v16.16b, v24.16b\n"
        "eor v21.16b, v17.16b, v24.16b\n"
        "eor v22.16b, v18.16b, v24.16b\n"
        "eor v23.16b, v19.16b, v24.16b\n"
        DCE_DIFFERENCES
        "prfm pldl1keep, [%[source], #1984]\n"
        "zip1 v0.16b, v24.16b, v20.16b\n"
        "zip2 v1.16b, v24.16b, v20.16b\n"
        "zip1 v2.16b, v24.16b, v21.16b\n"
        "zip2 v3.16b, v24.16b, v21.16b\n"
        DCE_OTHER_SUMS
        "zip1 v4.16b, v24.16b, v22.16b\n"
        "zip2 v5.16b, v24.16b, v22.16b\n"
        "zip1 v6.16b, v24.16b, v23.16b\n"
        "zip2 v7.16b, v24.16b, v23.16b\n"
        DCE_OTHER_DIFFERENCES
        DCE_CURVE_AND_STORE
        DCE_OPERANDS);
    return values;
}

// The same from values of curve_fixed.h: `count` of them, and up to the next whole block.
inline void curve_plane(const int16_t *source, const int16_t *sum, const int16_t *difference, int16_t weight, int count,
                        uint8_t *destination) {
    static_assert(kLongBlock <= kFixedSlack, "rows of the map are read no further than they may");
    const int16_t *const end = source + (count + kLongBlock - 1) / kLongBlock * kLongBlock;
    __asm__ volatile(
        DCE_START
        "ld1 {v0.8h, v1.8h, v2.8h, v3.8h}, [%[source]], #64\n"
        DCE_SUMS
        DCE_DIFFERENCES
        "ld1 {v4.8h, v5.8h, v6.8h, v7.8h}, [%[source]], #64\n"
        DCE_OTHER_SUMS
        DCE_OTHER_DIFFERENCES
        DCE_CURVE_AND_STORE
        DCE_OPERANDS);
}

#undef DCE_FOR_FOUR
#undef DCE_FOR_OTHERS
#undef DCE_FOR_EIGHT
#undef DCE_MAP_PRODUCT
#undef DCE_MAP
#undef DCE_SQUARE
#undef DCE_LESS_QUARTER
#undef DCE_PRODUCT
#undef DCE_STEP
#undef DCE_QUARTERS
#undef DCE_OTHER_QUARTERS
#undef DCE_ITERATION
#undef DCE_SUMS
#undef DCE_OTHER_SUMS
#undef DCE_DIFFERENCES
#undef DCE_OTHER_DIFFERENCES
#undef DCE_START
#undef DCE_CURVE_AND_STORE
#undef DCE_OPERANDS

}  // namespace
}  // namespace dce::vector

#endif
