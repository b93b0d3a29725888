// FloatCurveKernels as plain loops over blocks that stay in the first-level cache: see blocks.h. DenoiseKernels, which load the
// same rows, belong to the same part of an instruction set.
#ifndef DCELITE_DSP_CURVE_FLOATS_VECTOR_H
#define DCELITE_DSP_CURVE_FLOATS_VECTOR_H

#include "dsp/blocks.h"
#include "dsp/denoise_vector.h"

namespace dce {
namespace {

constexpr int kRampLanes = 16;  // values in the inner loops where these are about as long as the scale

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

__attribute__((noinline)) void scatter(const uint8_t *values, int count, ptrdiff_t step, uint8_t *destination) {
    if (step == 1)
        memcpy(destination, values, static_cast<size_t>(count));
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
        load_words(source.words, 1.0f / 65535.0f, first, count, block->rgb);
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

void curve_to_yuv_row(const PixelPlanes &source, const MapRows &map, int width, uint8_t *luma, float *differences, bool add) {
    const YuvMatrix matrix = source.matrix;
    const int chroma_width = (width + 1) / 2;
    Block block = {};
    for (int first = 0; first < width; first += kCurveBlock) {
        const int count = smaller(width - first, kCurveBlock);
        const Enhanced pixels = enhance_block(source, map, width, first, count, &block);
        float *__restrict red = pixels.rgb[0], *__restrict green = pixels.rgb[1], *__restrict blue = pixels.rgb[2];
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
        sum_pairs(blue, chroma, add, u);
        sum_pairs(red, chroma, add, v);
    }
}

// `count` chroma samples from their sums, times `scale`.
__attribute__((noinline)) void store_chroma(const float *sums, float scale, int count, ptrdiff_t step, uint8_t *destination) {
    alignas(64) uint8_t codes[kCurveBlock];
    for (int first = 0; first < count; first += kCurveBlock) {
        const int rest = smaller(count - first, kCurveBlock);
        for_lanes(rest, [&](int i) { codes[i] = static_cast<uint8_t>(to_code(sums[first + i], scale, 128.0f, 255.0f)); });
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

void curve_to_rgb_row(const PixelPlanes &source, const MapRows &map, int width, PixelLayout layout, const uint8_t *alpha,
                      uint8_t *destination) {
    Block block = {};
    alignas(64) uint8_t rest[4 * kCurveBlock], opacity[kCurveBlock];
    memset(opacity, 255, sizeof opacity);
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
            for_lanes(count, [&](int i) {
                pixels[4 * i] = static_cast<uint8_t>(to_code(one[i], 255.0f, 0.0f, 255.0f));
                pixels[4 * i + 1] = static_cast<uint8_t>(to_code(two[i], 255.0f, 0.0f, 255.0f));
                pixels[4 * i + 2] = static_cast<uint8_t>(to_code(three[i], 255.0f, 0.0f, 255.0f));
                pixels[4 * i + 3] = opacity[i];
            });
        else
            for_lanes(count, [&](int i) {
                pixels[3 * i] = static_cast<uint8_t>(to_code(one[i], 255.0f, 0.0f, 255.0f));
                pixels[3 * i + 1] = static_cast<uint8_t>(to_code(two[i], 255.0f, 0.0f, 255.0f));
                pixels[3 * i + 2] = static_cast<uint8_t>(to_code(three[i], 255.0f, 0.0f, 255.0f));
            });
        if (count < kCurveBlock) memcpy(output, rest, static_cast<size_t>(count) * layout.channels);
    }
}

void curve_to_rgb16_row(const PixelPlanes &source, const MapRows &map, int width, uint16_t *destination) {
    Block block = {};
    alignas(64) uint16_t rest[3 * kCurveBlock];
    for (int first = 0; first < width; first += kCurveBlock) {
        const int count = smaller(width - first, kCurveBlock);
        const Enhanced enhanced = enhance_block(source, map, width, first, count, &block);
        const float *__restrict red = enhanced.rgb[0], *__restrict green = enhanced.rgb[1], *__restrict blue = enhanced.rgb[2];
        uint16_t *output = destination + 3 * static_cast<ptrdiff_t>(first);
        uint16_t *const pixels = count < kCurveBlock ? rest : output;
        for_lanes(count, [&](int i) {
            pixels[3 * i] = static_cast<uint16_t>(to_code(red[i], 65535.0f, 0.0f, 65535.0f));
            pixels[3 * i + 1] = static_cast<uint16_t>(to_code(green[i], 65535.0f, 0.0f, 65535.0f));
            pixels[3 * i + 2] = static_cast<uint16_t>(to_code(blue[i], 65535.0f, 0.0f, 65535.0f));
        });
        if (count < kCurveBlock) memcpy(output, rest, 3 * sizeof(uint16_t) * static_cast<size_t>(count));
    }
}

}  // namespace

namespace DCE_SET {
extern const FloatCurveKernels kCurveFloats = {expand_planes, curve_to_yuv_row, chroma_row, curve_to_rgb_row,
                                               curve_to_rgb16_row};
}

}  // namespace dce

#endif
