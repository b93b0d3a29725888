// What the kernels that are plain loops have in common: the compiler makes vectors of them. A file for each instruction set
// includes this one and is compiled with its options.
//
// To leave it nothing but whole vectors, loops run over multiples of kCurveLanes in buffers that have room for them; what is
// too much is computed from zeros or from what a buffer held before, and dropped.
#ifndef DCELITE_DSP_BLOCKS_H
#define DCELITE_DSP_BLOCKS_H

#include <string.h>

#include "dsp/curve.h"
#include "dsp/multiply_add.h"

namespace dce {
namespace {  // each instruction set has its own functions: the linker must not take one for another's

constexpr int kCurveLanes = 32;   // values in the inner loops: some vectors of any instruction set
constexpr int kCurveBlock = 512;  // pixels; a multiple of 2 * kCurveLanes
static_assert(kCurveBlock % (2 * kCurveLanes) == 0, "halves of a block, the chroma samples, are whole inner loops");
static_assert(kCurveLanes <= kExpandSlack, "what is read and written too much lies behind the row");

// Calls body(i) for 0 … count - 1 and up to the next multiple of kLanes. No call may read what another one writes.
template <int kLanes = kCurveLanes, typename Body>
inline __attribute__((always_inline)) void for_lanes(int count, Body body) {
    for (int first = 0; first < count; first += kLanes) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#else
#pragma GCC ivdep
#endif
        for (int lane = 0; lane < kLanes; ++lane) body(first + lane);
    }
}

inline int smaller(int a, int b) { return a < b ? a : b; }

// To 0 … `largest`, which is positive; there also what is not a number. The bits of floats, taken as integers, have the same
// order where they are positive, and are negative where these are: so this takes two instructions.
inline float clamp(float value, float largest) {
    int32_t bits, end;
    memcpy(&bits, &value, sizeof bits);
    memcpy(&end, &largest, sizeof end);
    bits = bits > 0 ? bits : 0;
    bits = bits < end ? bits : end;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// A block of pixels, on its way from codes to codes.
struct Block {
    alignas(64) float rgb[3][kCurveBlock];
};

template <typename Value>
__attribute__((noinline)) void gather(const Value *source, ptrdiff_t step, int count, Value *values) {
    if (step == 1)
        memcpy(values, source, sizeof(Value) * static_cast<size_t>(count));
    else if (step == 2)
        for (int i = 0; i < count; ++i) values[i] = source[2 * i];
    else
        for (int i = 0; i < count; ++i) {
            values[i] = source[i * step];
            __asm__("");  // no vectors, which would gather value by value, too
        }
}

template <typename Value>
__attribute__((noinline)) void load_samples(const YuvRow &row, const YuvMatrix &given, int first, int count, Block *block) {
    const YuvMatrix matrix = given;
    const Samples samples = row.samples;
    const int chroma = (count + 1) / 2;
    const ptrdiff_t first_chroma = static_cast<ptrdiff_t>(first / 2) * row.step;
    alignas(64) Value lumas[kCurveBlock], us[kCurveBlock / 2], vs[kCurveBlock / 2];
    memcpy(lumas, reinterpret_cast<const Value *>(row.luma) + first, sizeof(Value) * static_cast<size_t>(count));
    gather(reinterpret_cast<const Value *>(row.u) + first_chroma, row.step, chroma, us);
    gather(reinterpret_cast<const Value *>(row.v) + first_chroma, row.step, chroma, vs);
    float *__restrict red = block->rgb[0], *__restrict green = block->rgb[1], *__restrict blue = block->rgb[2];
    for_lanes(chroma, [&, samples](int i) {  // what a chroma sample adds to the two pixels that it covers
        const float u = static_cast<float>(samples.code(us[i])) - matrix.chroma_offset;
        const float v = static_cast<float>(samples.code(vs[i])) - matrix.chroma_offset;
        red[2 * i] = red[2 * i + 1] = matrix.red_v * v;
        green[2 * i] = green[2 * i + 1] = multiply_add(matrix.green_u, u, matrix.green_v * v);
        blue[2 * i] = blue[2 * i + 1] = matrix.blue_u * u;
    });
    for_lanes(count, [&, samples](int i) {
        const float luma = static_cast<float>(samples.code(lumas[i])) - matrix.luma_offset;
        red[i] = multiply_add(luma, matrix.luma_scale, red[i]);
        green[i] = multiply_add(luma, matrix.luma_scale, green[i]);
        blue[i] = multiply_add(luma, matrix.luma_scale, blue[i]);
    });
}

// Pixels `first` to first + count - 1 as red, green and blue.
inline void load_yuv(const YuvRow &row, const YuvMatrix &matrix, int first, int count, Block *block) {
    const auto load = row.samples.are_words ? load_samples<uint16_t> : load_samples<uint8_t>;
    load(row, matrix, first, count, block);
}

}  // namespace
}  // namespace dce

#endif
