// FixedCurveKernels on vectors: see vector.h.
#ifndef DCELITE_DSP_CURVE_FIXED_VECTOR_H
#define DCELITE_DSP_CURVE_FIXED_VECTOR_H

#include "dsp/blocks.h"
#include "dsp/curve_fixed.h"
#include "dsp/vector.h"

#if defined(__aarch64__)
#  include "dsp/curve_fixed_neon.h"
#endif

namespace dce::vector {
namespace {

inline Shorts fill(int16_t value) { return value - Shorts{}; }

// Modulo 2^16: lanes behind the row hold whatever the memory held.
typedef uint16_t Words __attribute__((vector_size(sizeof(Shorts))));
inline Shorts sum_of(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(reinterpret_cast<Words>(a) + reinterpret_cast<Words>(b)); }
inline Shorts rest_of(Shorts a, Shorts b) { return reinterpret_cast<Shorts>(reinterpret_cast<Words>(a) - reinterpret_cast<Words>(b)); }

// ---- rows of the map ----

// Vector kPhase of the pixel that all groups of four lanes hold, side by side: of kChannels.
template <int kChannels, int kPhase>
inline Shorts repeat(Shorts pixel) {
    if constexpr (kChannels != 3) return pixel;
    Shorts result;
#if defined(__aarch64__)
    uint8_t indices[sizeof result];
    DCE_UNROLL for (int i = 0; i < static_cast<int>(sizeof result); ++i)
        indices[i] = static_cast<uint8_t>((kPhase * kShorts + i / 2) % 3 * 2 + i % 2);
    result = reinterpret_cast<Shorts>(vqtbl1q_u8(reinterpret_cast<uint8x16_t>(pixel), vld1q_u8(indices)));
#elif defined(__clang__)
    DCE_UNROLL for (int l = 0; l < kShorts; ++l) result[l] = pixel[l / 8 * 8 + (kPhase * kShorts + l) % 3];
#else
    Shorts indices;
    DCE_UNROLL for (int l = 0; l < kShorts; ++l) indices[l] = static_cast<int16_t>(l / 8 * 8 + (kPhase * kShorts + l) % 3);
    result = __builtin_shuffle(pixel, indices);
#endif
    return result;
}

// What a run's values are, of `count` of them and up to the next whole pixel that ends with a vector.
template <int kChannels>
inline void expand_run(Shorts left, Shorts difference, const int16_t *weights, int count, int16_t *output) {
    constexpr int kPhases = kChannels == 3 ? 3 : 1;
    Shorts starts[3], changes[3];
    starts[0] = repeat<kChannels, 0>(left), changes[0] = repeat<kChannels, 0>(difference);
    starts[1] = repeat<kChannels, 1>(left), changes[1] = repeat<kChannels, 1>(difference);
    starts[2] = repeat<kChannels, 2>(left), changes[2] = repeat<kChannels, 2>(difference);
    static_assert(kPhases * kShorts <= kFixedSlack, "what is written too much lies behind the row");
    for (int i = 0; i < count; i += kPhases * kShorts)
        DCE_UNROLL for (int p = 0; p < kPhases; ++p)
            store(multiply_add(starts[p], changes[p], load(weights + i + p * kShorts)), output + i + p * kShorts);
}

template <int kChannels>
inline Shorts load_end(const int16_t *map) {
    if constexpr (kChannels == 1) return fill(*map);
    return load_pixel(map);
}

// A run is written in whole vectors; what it writes too much the next one overwrites.
template <int kChannels>
void expand(const int16_t *map, const FixedExpansion &expansion, int16_t *output) {
    for (int r = 0; r < expansion.along.count; ++r) {
        const Run run = expansion.along.runs[r];
        const Shorts left = load_end<kChannels>(map + static_cast<ptrdiff_t>(run.first) * kFixedLane);
        const Shorts right = load_end<kChannels>(map + static_cast<ptrdiff_t>(run.second) * kFixedLane);
        const ptrdiff_t first = static_cast<ptrdiff_t>(run.begin) * kChannels;
        expand_run<kChannels>(left, rest_of(right, left), expansion.weights + first, (run.end - run.begin) * kChannels,
                              output + first);
    }
}

void expand_row(const int16_t *map, const FixedExpansion &expansion, int channels, int16_t *output) {
    (channels == 1 ? expand<1> : channels == 3 ? expand<3> : expand<4>)(map, expansion, output);
}

#if !defined(__aarch64__)
void combine_rows(const int16_t *above, const int16_t *below, int count, int16_t *sum, int16_t *difference) {
    constexpr int kVectors = 4;
    static_assert(kVectors * kShorts <= kFixedSlack, "what is written too much lies behind the row");
    for (int i = 0; i < count; i += kVectors * kShorts) {
        Shorts a[kVectors], b[kVectors];
        DCE_UNROLL for (int v = 0; v < kVectors; ++v) a[v] = load(above + i + v * kShorts), b[v] = load(below + i + v * kShorts);
        DCE_UNROLL for (int v = 0; v < kVectors; ++v) store(sum_of(a[v], b[v]), sum + i + v * kShorts);
        DCE_UNROLL for (int v = 0; v < kVectors; ++v) store(rest_of(b[v], a[v]), difference + i + v * kShorts);
    }
}
#endif

// ---- the curve ----

constexpr int kFixedBlock = kFixedVectors * kShorts;  // values that go through the curve together
static_assert(kFixedVectors % 2 == 0 && kFixedBlock <= kFixedSlack, "a block reads no further behind the row than it may");

template <int kMaps>
inline void curve_block(const uint8_t *source, const int16_t *sum, const int16_t *difference, Shorts weight, ptrdiff_t count,
                        uint8_t *destination) {
    const Shorts quarter = fill(static_cast<int16_t>(kFixedQuarter));
    Shorts y[kFixedVectors], a[kFixedVectors];
    DCE_UNROLL for (int v = 0; v < kFixedVectors; v += 2) load_centered(source + v * kShorts, y + v);
    DCE_UNROLL for (int n = 0; n < DCE_ITERATIONS; ++n) {
        if (n < kMaps)
            DCE_UNROLL for (int v = 0; v < kFixedVectors; ++v) {
                const ptrdiff_t k = n * count + v * kShorts;
                a[v] = multiply_add(load(sum + k), load(difference + k), weight);
            }
        DCE_UNROLL for (int v = 0; v < kFixedVectors; ++v)
            y[v] = multiply_add(y[v], a[v], rest_of(multiply(y[v], y[v]), quarter));
    }
    DCE_UNROLL for (int v = 0; v < kFixedVectors; v += 2) store_centered(y + v, destination + v * kShorts);
}

constexpr int kFixedAhead = 2048;  // see curve_bytes_vector.h

template <int kMaps>
void curve(const uint8_t *source, const FixedMapRows &map, int count, uint8_t *destination) {
    const int16_t *sum = map.sum, *difference = map.difference;
    const Shorts weight = fill(map.weight);
    int i = 0;
#if defined(__aarch64__)
    if constexpr (kMaps == 1) i = curve_long_blocks(source, sum, difference, map.weight, count, destination);
#endif
    for (; i + kFixedBlock <= count; i += kFixedBlock) {
        for (int line = 0; line < kFixedBlock; line += 64) {
            __builtin_prefetch(source + i + kFixedAhead + line);
            __builtin_prefetch(destination + i + kFixedAhead + line, 1);
        }
        curve_block<kMaps>(source + i, sum + i, difference + i, weight, count, destination + i);
    }
    if (i == count) return;
    // The rest as one more block, whose bytes stand in a buffer.
    const size_t rest = static_cast<size_t>(count - i);
    uint8_t bytes[kFixedBlock] = {};
    memcpy(bytes, source + i, rest);
    curve_block<kMaps>(bytes, sum + i, difference + i, weight, count, bytes);
    memcpy(destination + i, bytes, rest);
}

void curve_row(const uint8_t *source, const FixedMapRows &map, int count, uint8_t *destination) {
    (map.maps == 1 ? curve<1> : curve<DCE_ITERATIONS>)(source, map, count, destination);
}

// ---- YUV ----

inline Shorts centered(Shorts first, Shorts second) {
    return smaller(larger(add_saturated(first, second), fill(int16_t{-32640})), fill(int16_t{32640}));
}

// Red, green and blue of kShorts pixels; chroma samples are repeated for the pixels that they cover.
inline void load_colors(const uint8_t *lumas, const uint8_t *us, const uint8_t *vs, const FixedMatrix &matrix, Shorts *red,
                        Shorts *green, Shorts *blue) {
    const Shorts luma = load_codes(lumas), u = load_codes(us), v = load_codes(vs);
    const Shorts half = multiply(luma, matrix.luma_half) + matrix.luma_half_offset;
    const Shorts rest = rest_of(sum_of(luma, multiply(luma, matrix.luma_rest) + matrix.luma_offset), half);
    const Shorts of_red = multiply(v, matrix.red_half), red_rest = rest_of(sum_of(v, multiply(v, matrix.red_rest)), of_red);
    const Shorts of_green = multiply(u, matrix.green_u_half) + multiply(v, matrix.green_v_half);
    const Shorts green_rest = rest_of(sum_of(multiply(u, matrix.green_u), multiply(v, matrix.green_v)), of_green);
    const Shorts of_blue = multiply(u, matrix.blue_part);
    const Shorts blue_rest = rest_of(sum_of(sum_of(u, u), multiply(u, matrix.blue_rest)), sum_of(of_blue, of_blue));
    *red = centered(add_saturated(half, of_red), add_saturated(rest, red_rest));
    *green = centered(add_saturated(half, of_green), add_saturated(rest, green_rest));
    *blue = centered(add_saturated(half, of_blue), add_saturated(add_saturated(rest, of_blue), blue_rest));
}

constexpr int kYuvPixels = 2 * kShorts;  // that go through the curve together

template <int kMaps>
inline void curve_colors(Shorts (&y)[3][2], const int16_t *rows_sum, const int16_t *rows_difference, Shorts weight,
                         ptrdiff_t width) {
    const Shorts quarter = fill(static_cast<int16_t>(kFixedQuarter));
    Shorts a[3][2];
    DCE_UNROLL for (int n = 0; n < DCE_ITERATIONS; ++n)
        DCE_UNROLL for (int c = 0; c < 3; ++c)
            DCE_UNROLL for (int v = 0; v < 2; ++v) {
                const ptrdiff_t k = (3 * n + c) * width + v * kShorts;
                if (n < kMaps) a[c][v] = multiply_add(load(rows_sum + k), load(rows_difference + k), weight);
                y[c][v] = multiply_add(y[c][v], a[c][v], rest_of(multiply(y[c][v], y[c][v]), quarter));
            }
}

// The chroma samples of `count` pixels, each twice.
__attribute__((noinline)) void repeat_chroma(const uint8_t *source, ptrdiff_t step, int count, uint8_t *values) {
    alignas(64) uint8_t samples[kCurveBlock / 2];
    const int chroma = (count + 1) / 2;
    gather(source, step, chroma, samples);
    for_lanes(chroma, [&](int i) { values[2 * i] = values[2 * i + 1] = samples[i]; });
}

// Planes of 8 bits, in the order of memory, as pixels.
__attribute__((noinline)) void interleave(const uint8_t (*planes)[kCurveBlock], int channels, int count, uint8_t *pixels) {
    const uint8_t *one = planes[0], *two = planes[1], *three = planes[2];
    if (channels == 4)
        for_lanes(count, [&](int i) {
#if defined(__x86_64__)  // has no stores that interleave: words take half the time of bytes
            const uint32_t pixel = one[i] | static_cast<uint32_t>(two[i]) << 8 | static_cast<uint32_t>(three[i]) << 16 | 0xff000000u;
            memcpy(pixels + 4 * i, &pixel, sizeof pixel);
#else
            pixels[4 * i] = one[i];
            pixels[4 * i + 1] = two[i];
            pixels[4 * i + 2] = three[i];
            pixels[4 * i + 3] = 255;
#endif
        });
    else
        for_lanes(count, [&](int i) {
            pixels[3 * i] = one[i];
            pixels[3 * i + 1] = two[i];
            pixels[3 * i + 2] = three[i];
        });
}

void yuv_to_rgb_row(const YuvRow &source, const FixedMatrix &given, const FixedMapRows &map, int width, PixelLayout layout,
                    uint8_t *destination) {
    static_assert(kCurveBlock % kYuvPixels == 0 && kYuvPixels <= kFixedSlack, "rows of the map are read no further than they may");
    const FixedMatrix matrix = given;
    const Shorts weight = fill(map.weight);
    alignas(64) uint8_t luma[kCurveBlock] = {}, us[kCurveBlock] = {}, vs[kCurveBlock] = {}, planes[3][kCurveBlock];
    alignas(64) uint8_t rest[4 * kCurveBlock];
#if defined(__aarch64__)
    static_assert(kCurveBlock % kLongBlock == 0, "a block of pixels is whole blocks of values");
    alignas(64) int16_t values[3][kCurveBlock];  // for curve_plane
#endif
    for (int first = 0; first < width; first += kCurveBlock) {
        const int count = dce::smaller(width - first, kCurveBlock);
        const ptrdiff_t chroma = static_cast<ptrdiff_t>(first / 2) * source.step;
        memcpy(luma, source.luma + first, static_cast<size_t>(count));
        repeat_chroma(source.u + chroma, source.step, count, us);
        repeat_chroma(source.v + chroma, source.step, count, vs);
        for (int x = 0; x < count; x += kYuvPixels) {
            Shorts y[3][2];
            DCE_UNROLL for (int v = 0; v < 2; ++v) {
                const int at = x + v * kShorts;
                load_colors(luma + at, us + at, vs + at, matrix, &y[0][v], &y[1][v], &y[2][v]);
            }
#if defined(__aarch64__)
            if (map.maps == 1) {
                DCE_UNROLL for (int c = 0; c < 3; ++c)
                    DCE_UNROLL for (int v = 0; v < 2; ++v) store(y[c][v], values[c] + x + v * kShorts);
                continue;
            }
#else
            if (map.maps == 1)
                curve_colors<1>(y, map.sum + first + x, map.difference + first + x, weight, width);
            else
#endif
                curve_colors<DCE_ITERATIONS>(y, map.sum + first + x, map.difference + first + x, weight, width);
            DCE_UNROLL for (int c = 0; c < 3; ++c) store_centered(y[c], planes[layout.position[c]] + x);
        }
#if defined(__aarch64__)
        for (int c = 0; map.maps == 1 && c < 3; ++c) {
            const ptrdiff_t at = static_cast<ptrdiff_t>(c) * width + first;
            curve_plane(values[c], map.sum + at, map.difference + at, map.weight, count, planes[layout.position[c]]);
        }
#endif
        uint8_t *output = destination + static_cast<ptrdiff_t>(first) * layout.channels;
        interleave(planes, layout.channels, count, count < kCurveBlock ? rest : output);
        if (count < kCurveBlock) memcpy(output, rest, static_cast<size_t>(count) * static_cast<size_t>(layout.channels));
    }
}

}  // namespace
}  // namespace dce::vector

namespace dce::DCE_SET {
extern const FixedCurveKernels kCurveFixed = {vector::expand_row, vector::combine_rows, vector::curve_row,
                                                   vector::yuv_to_rgb_row};
}  // namespace dce::DCE_SET

#endif
