// FloatCurveKernels as plain loops over blocks that stay in the first-level cache. A file for each instruction set includes
// this one and is compiled with its options: the compiler does the rest.
//
// To leave it nothing but whole vectors, loops run over multiples of kCurveLanes in buffers that have room for them; what is
// too much is computed from zeros or from what a buffer held before, and dropped.
#ifndef DCELITE_DSP_CURVE_FLOATS_VECTOR_H
#define DCELITE_DSP_CURVE_FLOATS_VECTOR_H

#include <string.h>

#include "dsp/curve.h"
#include "dsp/multiply_add.h"

namespace dce {
namespace {  // each instruction set has its own functions: the linker must not take one for another's

constexpr int kCurveLanes = 32;   // values in the inner loops: some vectors of any instruction set
constexpr int kRampLanes = 16;    // the same where the loops are about as long as the scale
constexpr int kCurveBlock = 512;  // pixels; a multiple of 2 * kCurveLanes
static_assert(kCurveBlock % (2 * kCurveLanes) == 0, "halves of a block, the chroma samples, are whole inner loops");
static_assert(kCurveLanes <= kExpandSlack, "what is read and written too much lies behind the row");

// Calls body(i) for 0 … count - 1 and up to the next multiple of kLanes.
template <int kLanes = kCurveLanes, typename Body>
inline __attribute__((always_inline)) void for_lanes(int count, Body body) {
    for (int first = 0; first < count; first += kLanes)
        for (int lane = 0; lane < kLanes; ++lane) body(first + lane);
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

// value x factor + offset, to the nearest integer of 0 … `largest`.
inline int to_code(float value, float factor, float offset, float largest) {
    return static_cast<int>(clamp(multiply_add(value, factor, offset + 0.5f), largest));
}

// The curve on values between 0 and 1; what is beyond stays. Each of kMaps map rows is `stride` floats from the last.
template <int kMaps>
__attribute__((noinline)) void curve_values(float *__restrict values, const float *__restrict above,
                                            const float *__restrict below, float weight, ptrdiff_t stride, int count) {
    for (int first = 0; first < count; first += kCurveLanes) {
        // Iteration by iteration for many values, whose multiply-adds do not wait for each other.
        float x[kCurveLanes], a[kCurveLanes];
        for (int l = 0; l < kCurveLanes; ++l) x[l] = clamp(values[first + l], 1.0f);
#if defined(__FMA__) || defined(__aarch64__)  // without, it is slow anyway, and large
#pragma GCC unroll 8
#endif
        for (int n = 0; n < DCE_ITERATIONS; ++n) {
            const ptrdiff_t map = n * stride + first;
            if (n < kMaps)
                for (int l = 0; l < kCurveLanes; ++l) a[l] = multiply_add(weight, below[map + l] - above[map + l], above[map + l]);
            for (int l = 0; l < kCurveLanes; ++l) x[l] = multiply_add(a[l], multiply_add(x[l], x[l], -x[l]), x[l]);
        }
        for (int l = 0; l < kCurveLanes; ++l) {
            const float value = values[first + l];
            values[first + l] = clamp(x[l], 1.0f) + (value - clamp(value, 1.0f));
        }
    }
}

// `count` values from value `first` of the row on.
inline void curve_block(float *values, const MapRows &map, ptrdiff_t first, ptrdiff_t stride, int count) {
    const auto curve = map.maps > 1 ? curve_values<DCE_ITERATIONS> : curve_values<1>;
    curve(values, map.above + first, map.below + first, map.weight, stride, count);
}

// What a run writes too much the next one, or the next plane, overwrites.
void expand_planes(const float *map, int map_channels, const Expansion &expansion, float strength, float *output) {
    for (int channel = 0; channel < map_channels; ++channel, output += expansion.width)
        for (int r = 0; r < expansion.count; ++r) {
            const Run run = expansion.runs[r];
            const float left = strength * map[static_cast<ptrdiff_t>(run.first) * map_channels + channel];
            const float right = strength * map[static_cast<ptrdiff_t>(run.second) * map_channels + channel];
            const float start = multiply_add(run.weight, right - left, left);
            const float step = expansion.slope * (right - left);
            float *ramp = output + run.begin;
            for_lanes<kRampLanes>(run.end - run.begin,
                                  [=](int i) { ramp[i] = multiply_add(step, static_cast<float>(i), start); });
        }
}

void curve16_row(const uint16_t *source, const MapRows &map, int count, uint16_t *destination) {
    alignas(64) float values[kCurveBlock];
    alignas(64) uint16_t codes[kCurveBlock] = {};
    for (int first = 0; first < count; first += kCurveBlock) {
        const int rest = smaller(count - first, kCurveBlock);
        memcpy(codes, source + first, sizeof(uint16_t) * rest);
        for_lanes(rest, [&](int i) { values[i] = static_cast<float>(codes[i]) * (1.0f / 65535.0f); });
        curve_block(values, map, first, count, rest);
        for_lanes(rest, [&](int i) { codes[i] = static_cast<uint16_t>(to_code(values[i], 65535.0f, 0.0f, 65535.0f)); });
        memcpy(destination + first, codes, sizeof(uint16_t) * rest);
    }
}

// A block of pixels, on its way from codes to codes.
struct Block {
    alignas(64) float rgb[3][kCurveBlock];
    alignas(64) uint8_t luma[kCurveBlock];
    alignas(64) uint8_t u[kCurveBlock / 2];
    alignas(64) uint8_t v[kCurveBlock / 2];
};

__attribute__((noinline)) void gather(const uint8_t *source, ptrdiff_t step, int count, uint8_t *values) {
    if (step == 1)
        memcpy(values, source, static_cast<size_t>(count));
    else if (step == 2)
        for (int i = 0; i < count; ++i) values[i] = source[2 * i];
    else
        for (int i = 0; i < count; ++i) values[i] = source[i * step];
}

__attribute__((noinline)) void scatter(const uint8_t *values, int count, ptrdiff_t step, uint8_t *destination) {
    if (step == 1)
        memcpy(destination, values, static_cast<size_t>(count));
    else
        for (int i = 0; i < count; ++i) destination[i * step] = values[i];
}

// Pixels `first` to first + count - 1 as enhanced red, green and blue.
__attribute__((noinline)) void enhance_block(const YuvRow &row, const YuvMatrix &given, const MapRows &map, int width,
                                             int first, int count, Block *block) {
    const YuvMatrix matrix = given;
    const int chroma = (count + 1) / 2;
    memcpy(block->luma, row.luma + first, static_cast<size_t>(count));
    gather(row.u + static_cast<ptrdiff_t>(first / 2) * row.step, row.step, chroma, block->u);
    gather(row.v + static_cast<ptrdiff_t>(first / 2) * row.step, row.step, chroma, block->v);
    float *__restrict red = block->rgb[0], *__restrict green = block->rgb[1], *__restrict blue = block->rgb[2];
    for_lanes(chroma, [=](int i) {  // what a chroma sample adds to the two pixels that it covers
        const float u = static_cast<float>(block->u[i]) - 128.0f;
        const float v = static_cast<float>(block->v[i]) - 128.0f;
        red[2 * i] = red[2 * i + 1] = matrix.red_v * v;
        green[2 * i] = green[2 * i + 1] = multiply_add(matrix.green_u, u, matrix.green_v * v);
        blue[2 * i] = blue[2 * i + 1] = matrix.blue_u * u;
    });
    for_lanes(count, [=](int i) {
        const float luma = static_cast<float>(block->luma[i]) - matrix.luma_offset;
        red[i] = multiply_add(luma, matrix.luma_scale, red[i]);
        green[i] = multiply_add(luma, matrix.luma_scale, green[i]);
        blue[i] = multiply_add(luma, matrix.luma_scale, blue[i]);
    });
    for (int c = 0; c < 3; ++c)
        curve_block(block->rgb[c], map, static_cast<ptrdiff_t>(c) * width + first, 3 * static_cast<ptrdiff_t>(width), count);
}

void curve_yuv_row(const YuvRow &source, const YuvMatrix &given, const MapRows &map, int width, uint8_t *luma,
                   float *differences, bool add) {
    const YuvMatrix matrix = given;
    const int chroma_width = (width + 1) / 2;
    Block block = {};
    float *__restrict red = block.rgb[0], *__restrict green = block.rgb[1], *__restrict blue = block.rgb[2];
    for (int first = 0; first < width; first += kCurveBlock) {
        const int count = smaller(width - first, kCurveBlock);
        enhance_block(source, matrix, map, width, first, count, &block);
        uint8_t *__restrict codes = block.luma;
        for_lanes(count, [=](int i) {
            const float gray =
                multiply_add(matrix.weights[0], red[i], multiply_add(matrix.weights[1], green[i], matrix.weights[2] * blue[i]));
            codes[i] = static_cast<uint8_t>(to_code(gray, matrix.luma_codes, matrix.luma_offset, 255.0f));
            red[i] -= gray;
            blue[i] -= gray;
        });
        memcpy(luma + first, codes, static_cast<size_t>(count));
        if (count % 2) red[count] = blue[count] = 0.0f;  // the last sample covers a single column
        float *u = differences + first / 2;
        float *v = u + chroma_width;
        const int chroma = (count + 1) / 2;
        if (!add) memset(u, 0, sizeof(float) * chroma), memset(v, 0, sizeof(float) * chroma);
        for (int i = 0; i < chroma; ++i) u[i] += blue[2 * i] + blue[2 * i + 1];
        for (int i = 0; i < chroma; ++i) v[i] += red[2 * i] + red[2 * i + 1];
    }
}

// `count` chroma samples from their sums, times `scale`.
__attribute__((noinline)) void store_chroma(const float *sums, float scale, int count, ptrdiff_t step, uint8_t *destination) {
    alignas(64) uint8_t codes[kCurveBlock];
    for (int first = 0; first < count; first += kCurveBlock) {
        const int rest = smaller(count - first, kCurveBlock);
        for (int i = 0; i < rest; ++i)
            codes[i] = static_cast<uint8_t>(to_code(sums[first + i], scale, 128.0f, 255.0f));
        scatter(codes, rest, step, destination + first * step);
    }
}

void chroma_row(const float *differences, const YuvMatrix &matrix, int width, int rows, const YuvRow &destination) {
    const int whole = width / 2;  // samples that cover two columns
    const ptrdiff_t end = static_cast<ptrdiff_t>(whole) * destination.step;
    const float *u = differences;
    const float *v = differences + (width + 1) / 2;
    const float share = 0.5f / static_cast<float>(rows);
    store_chroma(u, share * matrix.u_codes, whole, destination.step, destination.u);
    store_chroma(v, share * matrix.v_codes, whole, destination.step, destination.v);
    if (width % 2 == 0) return;
    store_chroma(u + whole, 2.0f * share * matrix.u_codes, 1, 1, destination.u + end);
    store_chroma(v + whole, 2.0f * share * matrix.v_codes, 1, 1, destination.v + end);
}

void curve_yuv_to_rgb_row(const YuvRow &source, const YuvMatrix &matrix, const MapRows &map, int width, PixelLayout layout,
                          uint8_t *destination) {
    Block block = {};
    alignas(64) uint8_t pixels[4 * kCurveBlock];
    const float *__restrict channels[3];  // in the order of memory
    for (int c = 0; c < 3; ++c) channels[layout.position[c]] = block.rgb[c];
    const float *__restrict one = channels[0], *__restrict two = channels[1], *__restrict three = channels[2];
    for (int first = 0; first < width; first += kCurveBlock) {
        const int count = smaller(width - first, kCurveBlock);
        enhance_block(source, matrix, map, width, first, count, &block);
        if (layout.channels == 4)
            for_lanes(count, [&](int i) {
                pixels[4 * i] = static_cast<uint8_t>(to_code(one[i], 255.0f, 0.0f, 255.0f));
                pixels[4 * i + 1] = static_cast<uint8_t>(to_code(two[i], 255.0f, 0.0f, 255.0f));
                pixels[4 * i + 2] = static_cast<uint8_t>(to_code(three[i], 255.0f, 0.0f, 255.0f));
                pixels[4 * i + 3] = 255;
            });
        else
            for_lanes(count, [&](int i) {
                pixels[3 * i] = static_cast<uint8_t>(to_code(one[i], 255.0f, 0.0f, 255.0f));
                pixels[3 * i + 1] = static_cast<uint8_t>(to_code(two[i], 255.0f, 0.0f, 255.0f));
                pixels[3 * i + 2] = static_cast<uint8_t>(to_code(three[i], 255.0f, 0.0f, 255.0f));
            });
        memcpy(destination + static_cast<ptrdiff_t>(first) * layout.channels, pixels,
               static_cast<size_t>(count) * layout.channels);
    }
}

}  // namespace

namespace DCE_SET {
extern const FloatCurveKernels kCurveFloats = {expand_planes, curve16_row, curve_yuv_row, chroma_row, curve_yuv_to_rgb_row};
}

}  // namespace dce

#endif
