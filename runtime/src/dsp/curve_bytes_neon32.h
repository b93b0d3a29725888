// The curve on bytes in the instructions of 32-bit Arm: as curve_bytes_neon.h, with half as many registers. Included by
// curve_bytes_vector.h.
#ifndef DCELITE_DSP_CURVE_BYTES_NEON32_H
#define DCELITE_DSP_CURVE_BYTES_NEON32_H

namespace dce::vector {
namespace {

struct CurveConstants {
    float offset[4];         // 32768 + 127.5
    float minus_square[16];  // -127.5^2
};
alignas(64) constexpr CurveConstants kCurveConstants = {
    {32895.5f, 32895.5f, 32895.5f, 32895.5f},
    {-16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f,
     -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f, -16256.25f}};

// y in q0 … q3, the map in q4 … q7, whatever is between in q8 … q11. Zipped with zeros and with 0x4700, the bytes of 4 to 7 come
// to stand in q2, those of 8 to 11 in q1.
#define DCE_FOR_FOUR(do) do(0, 4, 8) do(2, 5, 9) do(1, 6, 10) do(3, 7, 11)
#define DCE_SUBTRACT_OFFSET(y, a, t) "vsub.f32 q" #y ", q" #y ", q12\n"
#define DCE_MAP_DIFFERENCE(y, a, t) "vsub.f32 q" #t ", q" #t ", q" #a "\n"
#define DCE_MAP(y, a, t) "vfma.f32 q" #a ", q" #t ", q13\n"
#define DCE_SQUARE(y, a, t) "vfma.f32 q" #t ", q" #y ", q" #y "\n"
#define DCE_STEP(y, a, t) "vfma.f32 q" #y ", q" #a ", q" #t "\n"
#define DCE_ADD_HALF(y, a, t) "vadd.f32 q" #y ", q" #y ", q8\n"
#define DCE_TO_INTEGER(y, a, t) "vcvt.u32.f32 q" #y ", q" #y ", #24\n"
#define DCE_ITERATION "vldmia %[squares], {d16-d23}\n" DCE_FOR_FOUR(DCE_SQUARE) DCE_FOR_FOUR(DCE_STEP)

template <>
inline int curve_blocks<kCurveGroups, 1>(const uint8_t *source, const float *above, const float *below, float weight, int count,
                                         uint8_t *destination) {
    static_assert(kCurveGroups == 1 && DCE_ITERATIONS == 8, "four vectors, eight times");
    const int values = count & ~15;
    if (values == 0) return 0;
    const uint8_t *const end = source + values;
    __asm__ volatile(
        "vld1.32 {q12}, [%[constants]]\n"
        "vld1.32 {d26[], d27[]}, [%[weight]]\n"
        "1:\n"
        "vld1.8 {q1}, [%[source]]!\n"
        "vmov.i8 q0, #0\n"
        "vmov.i16 q2, #0x4700\n"
        "vmov.i16 q3, #0x4700\n"
        "vldmia %[above]!, {d8-d15}\n"
        "vldmia %[below]!, {d16-d23}\n"
        "pld [%[source], #2032]\n"
        "vzip.8 q0, q1\n"
        DCE_FOR_FOUR(DCE_MAP_DIFFERENCE)
        "vzip.16 q0, q2\n"
        "vzip.16 q1, q3\n"
        DCE_FOR_FOUR(DCE_MAP)
        DCE_FOR_FOUR(DCE_SUBTRACT_OFFSET)
        DCE_ITERATION DCE_ITERATION DCE_ITERATION DCE_ITERATION
        DCE_ITERATION DCE_ITERATION DCE_ITERATION DCE_ITERATION
        "vmov.i32 q8, #0x43000000\n"  // 128: 127.5, and a half for rounding
        DCE_FOR_FOUR(DCE_ADD_HALF)
        DCE_FOR_FOUR(DCE_TO_INTEGER)
        "vuzp.16 q0, q2\n"
        "vuzp.16 q1, q3\n"
        "cmp %[source], %[end]\n"
        "vuzp.8 q2, q3\n"
        "vst1.8 {q3}, [%[destination]]!\n"
        "bne 1b\n"
        : [source] "+&r"(source), [above] "+&r"(above), [below] "+&r"(below), [destination] "+&r"(destination)
        : [constants] "r"(kCurveConstants.offset), [squares] "r"(kCurveConstants.minus_square), [weight] "r"(&weight), [end] "r"(end)
        : "cc", "memory", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10", "q11", "q12", "q13");
    return values;
}

#undef DCE_FOR_FOUR
#undef DCE_SUBTRACT_OFFSET
#undef DCE_MAP_DIFFERENCE
#undef DCE_MAP
#undef DCE_SQUARE
#undef DCE_STEP
#undef DCE_ADD_HALF
#undef DCE_TO_INTEGER
#undef DCE_ITERATION

}  // namespace
}  // namespace dce::vector

#endif
