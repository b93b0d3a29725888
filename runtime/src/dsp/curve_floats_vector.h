// FloatCurveKernels as plain loops over blocks that stay in the first-level cache: see blocks.h. DenoiseKernels, which load the
// same rows, belong to the same part of an instruction set.
#ifndef DCELITE_DSP_CURVE_FLOATS_VECTOR_H
#define DCELITE_DSP_CURVE_FLOATS_VECTOR_H

#include "dsp/blocks.h"
#include "dsp/denoise_vector.h"
#if defined(__wasm__)
#  include "dsp/curve_values_wasm.h"
#  define DCE_HAS_CURVE_VALUES
#elif defined(__ARM_NEON) && defined(__ARM_FEATURE_FMA)
#  include "dsp/curve_values_neon.h"
#  define DCE_HAS_CURVE_VALUES
#endif

namespace dce {
namespace {

constexpr int kRampLanes = 16;  // values in the inner loops where these are about as long as the scale

// value x factor + offset, to the nearest integer of 0 … `largest`.
inline int to_code(float value, float factor, float offset, float largest) {
    return static_cast<int>(clamp(multiply_add(value, factor, offset + 0.5f), largest));
}

#if !defined(DCE_HAS_CURVE_VALUES)
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
#endif

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

template <typename Value>
__attribute__((noinline)) void scatter(const Value *values, int count, ptrdiff_t step, Value *destination) {
    if (step == 1)
        memcpy(destination, values, sizeof(Value) * static_cast<size_t>(count));
    else
        for (int i = 0; i < count; ++i) {
            destination[i * step] = values[i];
            __asm__("");  // no vectors: see gather
        }
}

// Red, green and blue of a block, enhanced.
struct Enhanced {
    float *rgb[3];
};

// Pixels `first` to first + count - 1; in the planes themselves where there are such.
Enhanced enhance_block(const PixelPlanes &source, const MapRows &map, int width, int first, int count, Block *block) {
    Enhanced result = {{block->rgb[0], block->rgb[1], block->rgb[2]}};
    if (source.planes)
        for (int c = 0; c < 3; ++c) result.rgb[c] = source.planes + c * source.stride + first;
    else if (source.words)
        load_words(source.words, source.channels, 1.0f / 65535.0f, first, count, block->rgb);
    else
        load_yuv(source.yuv, source.matrix, first, count, block);
    for (int c = 0; c < 3; ++c)
        curve_block(result.rgb[c], map, static_cast<ptrdiff_t>(c) * width + first, 3 * static_cast<ptrdiff_t>(width), count);
    return result;
}

// The sums of two values after the other, or what they add to these.
__attribute__((noinline)) void sum_pairs(const float *values, int count, bool add, float *sums) {
    if (!add) memset(sums, 0, sizeof(float) * static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) sums[i] += values[2 * i] + values[2 * i + 1];
}

// Writes the luma of pixels, and leaves red - luma and blue - luma in place of them.
template <typename Value>
__attribute__((noinline)) void store_luma(const Enhanced &pixels, const YuvMatrix &given, int count, int shift, Value *luma) {
    const YuvMatrix matrix = given;
    float *__restrict red = pixels.rgb[0], *__restrict green = pixels.rgb[1], *__restrict blue = pixels.rgb[2];
    alignas(64) Value codes[kCurveBlock];
    for_lanes(count, [&, shift](int i) {
        const float gray =
            multiply_add(matrix.weights[0], red[i], multiply_add(matrix.weights[1], green[i], matrix.weights[2] * blue[i]));
        codes[i] = static_cast<Value>(to_code(gray, matrix.luma_codes, matrix.luma_offset, matrix.largest) << shift);
        red[i] -= gray;
        blue[i] -= gray;
    });
    memcpy(luma, codes, sizeof(Value) * static_cast<size_t>(count));
}

void curve_to_yuv_row(const PixelPlanes &source, const MapRows &map, int width, uint8_t *luma, Samples samples,
                      float *differences, bool add) {
    const int chroma_width = (width + 1) / 2;
    Block block = {};
    for (int first = 0; first < width; first += kCurveBlock) {
        const int count = smaller(width - first, kCurveBlock);
        const Enhanced pixels = enhance_block(source, map, width, first, count, &block);
        if (samples.are_words)
            store_luma(pixels, source.matrix, count, samples.shift, reinterpret_cast<uint16_t *>(luma) + first);
        else
            store_luma(pixels, source.matrix, count, 0, luma + first);
        float *red = pixels.rgb[0], *blue = pixels.rgb[2];
        if (count % 2) red[count] = blue[count] = 0.0f;  // the last sample covers a single column
        float *u = differences + first / 2;
        float *v = u + chroma_width;
        const int chroma = (count + 1) / 2;
        sum_pairs(blue, chroma, add, u);
        sum_pairs(red, chroma, add, v);
    }
}

// `count` chroma samples from their sums, times `scale`.
template <typename Value>
__attribute__((noinline)) void store_chroma(const float *sums, float scale, float offset, float largest, int count, int shift,
                                            ptrdiff_t step, Value *destination) {
    alignas(64) Value codes[kCurveBlock];
    for (int first = 0; first < count; first += kCurveBlock) {
        const int rest = smaller(count - first, kCurveBlock);
        for_lanes(rest, [&](int i) {
            codes[i] = static_cast<Value>(to_code(sums[first + i], scale, offset, largest) << shift);
        });
        scatter(codes, rest, step, destination + first * step);
    }
}

// Those of a row of width pixels; `codes` as in YuvMatrix.
template <typename Value>
void store_chroma_row(const float *sums, float codes, const YuvMatrix &matrix, int width, const YuvRow &row, uint8_t *first) {
    Value *destination = reinterpret_cast<Value *>(first);
    const int whole = width / 2, shift = row.samples.shift;  // samples that cover two columns
    store_chroma(sums, codes, matrix.chroma_offset, matrix.largest, whole, shift, row.step, destination);
    if (width % 2 != 0)
        store_chroma(sums + whole, 2.0f * codes, matrix.chroma_offset, matrix.largest, 1, shift, 1,
                     destination + static_cast<ptrdiff_t>(whole) * row.step);
}

void chroma_row(const float *differences, const YuvMatrix &matrix, int width, int rows, const YuvRow &destination) {
    const auto store = destination.samples.are_words ? store_chroma_row<uint16_t> : store_chroma_row<uint8_t>;
    const float share = 0.5f / static_cast<float>(rows);
    store(differences, share * matrix.u_codes, matrix, width, destination, destination.u);
    store(differences + (width + 1) / 2, share * matrix.v_codes, matrix, width, destination, destination.v);
}

// Pixels of four bytes.
inline void store_four(const float *__restrict one, const float *__restrict two, const float *__restrict three,
                       const uint8_t *__restrict opacity, float codes, int count, uint8_t *pixels) {
#if defined(__x86_64__) || defined(__wasm__)  // little-endian, and without stores that interleave
    alignas(64) uint32_t words[kCurveBlock];
    for_lanes(count, [&](int i) {
        words[i] = static_cast<uint32_t>(to_code(one[i], codes, 0.0f, 255.0f)) |
                   static_cast<uint32_t>(to_code(two[i], codes, 0.0f, 255.0f)) << 8 |
                   static_cast<uint32_t>(to_code(three[i], codes, 0.0f, 255.0f)) << 16 | static_cast<uint32_t>(opacity[i]) << 24;
    });
    memcpy(pixels, words, 4 * static_cast<size_t>(count));
#else
    for_lanes(count, [&](int i) {
        pixels[4 * i] = static_cast<uint8_t>(to_code(one[i], codes, 0.0f, 255.0f));
        pixels[4 * i + 1] = static_cast<uint8_t>(to_code(two[i], codes, 0.0f, 255.0f));
        pixels[4 * i + 2] = static_cast<uint8_t>(to_code(three[i], codes, 0.0f, 255.0f));
        pixels[4 * i + 3] = opacity[i];
    });
#endif
}

void curve_to_rgb_row(const PixelPlanes &source, const MapRows &map, int width, PixelLayout layout, const uint8_t *alpha,
                      uint8_t *destination) {
    Block block = {};
    alignas(64) uint8_t rest[4 * kCurveBlock], opacity[kCurveBlock];
    memset(opacity, 255, sizeof opacity);
    const float codes = 255.0f * source.matrix.white;
    for (int first = 0; first < width; first += kCurveBlock) {
        const int count = smaller(width - first, kCurveBlock);
        const Enhanced enhanced = enhance_block(source, map, width, first, count, &block);
        const float *__restrict channels[3];  // in the order of memory
        for (int c = 0; c < 3; ++c) channels[layout.position[c]] = enhanced.rgb[c];
        const float *__restrict one = channels[0], *__restrict two = channels[1], *__restrict three = channels[2];
        uint8_t *output = destination + static_cast<ptrdiff_t>(first) * layout.channels;
        uint8_t *const pixels = count < kCurveBlock ? rest : output;
        if (layout.channels == 4 && alpha) gather(alpha + 4 * static_cast<ptrdiff_t>(first), 4, count, opacity);
        if (layout.channels == 4)
            store_four(one, two, three, opacity, codes, count, pixels);
        else
            for_lanes(count, [&](int i) {
                pixels[3 * i] = static_cast<uint8_t>(to_code(one[i], codes, 0.0f, 255.0f));
                pixels[3 * i + 1] = static_cast<uint8_t>(to_code(two[i], codes, 0.0f, 255.0f));
                pixels[3 * i + 2] = static_cast<uint8_t>(to_code(three[i], codes, 0.0f, 255.0f));
            });
        if (count < kCurveBlock) memcpy(output, rest, static_cast<size_t>(count) * layout.channels);
    }
}

void curve_to_rgb16_row(const PixelPlanes &source, const MapRows &map, int width, int channels, const uint16_t *alpha,
                        uint16_t *destination) {
    Block block = {};
    alignas(64) uint16_t rest[4 * kCurveBlock], opacity[kCurveBlock];
    memset(opacity, 255, sizeof opacity);
    for (int first = 0; first < width; first += kCurveBlock) {
        const int count = smaller(width - first, kCurveBlock);
        const Enhanced enhanced = enhance_block(source, map, width, first, count, &block);
        const float *__restrict red = enhanced.rgb[0], *__restrict green = enhanced.rgb[1], *__restrict blue = enhanced.rgb[2];
        uint16_t *output = destination + static_cast<ptrdiff_t>(first) * channels;
        uint16_t *const pixels = count < kCurveBlock ? rest : output;
        if (channels == 4 && alpha) gather(alpha + 4 * static_cast<ptrdiff_t>(first), 4, count, opacity);
        if (channels == 4)
            for_lanes(count, [&](int i) {
                pixels[4 * i] = static_cast<uint16_t>(to_code(red[i], 65535.0f, 0.0f, 65535.0f));
                pixels[4 * i + 1] = static_cast<uint16_t>(to_code(green[i], 65535.0f, 0.0f, 65535.0f));
                pixels[4 * i + 2] = static_cast<uint16_t>(to_code(blue[i], 65535.0f, 0.0f, 65535.0f));
                pixels[4 * i + 3] = opacity[i];
            });
        else
            for_lanes(count, [&](int i) {
                pixels[3 * i] = static_cast<uint16_t>(to_code(red[i], 65535.0f, 0.0f, 65535.0f));
                pixels[3 * i + 1] = static_cast<uint16_t>(to_code(green[i], 65535.0f, 0.0f, 65535.0f));
                pixels[3 * i + 2] = static_cast<uint16_t>(to_code(blue[i], 65535.0f, 0.0f, 65535.0f));
            });
        if (count < kCurveBlock)
            memcpy(output, rest, sizeof(uint16_t) * static_cast<size_t>(count) * static_cast<size_t>(channels));
    }
}

}  // namespace

namespace DCE_SET {
extern const FloatCurveKernels kCurveFloats = {expand_planes, curve_to_yuv_row, chroma_row, curve_to_rgb_row,
                                               curve_to_rgb16_row};
}

}  // namespace dce

#endif
