// ByteCurveKernels on vectors: see vector.h.
#ifndef DCELITE_DSP_CURVE_BYTES_VECTOR_H
#define DCELITE_DSP_CURVE_BYTES_VECTOR_H

#include "dsp/curve.h"
#include "dsp/vector.h"
#if defined(DCE_SPLITS_PIXELS)
#  include "dsp/curve_split_vector.h"
#endif

namespace dce::vector {
namespace {

#if defined(DCE_SPLITS_PIXELS)
constexpr bool kSplitsPixels = true;
#else
constexpr bool kSplitsPixels = false;
#endif

// ---- resizing ----

// Writes vector kPhase, and those after it, of pixels start[c] + i * step[c] for i = first, first + 1, …
template <int kChannels, int kPhase = 0>
inline void store_ramp(Floats start, Floats step, int first, int floats, float *output) {
    using Lane = Interleaved<kChannels, kPhase>;
    Floats pixels;
    DCE_UNROLL for (int l = 0; l < kLanes; ++l) pixels[l] = static_cast<float>(Lane::pixel(l));
    pixels += static_cast<float>(first);
    store(shuffle<Lane>(start, start) + pixels * shuffle<Lane>(step, step), output + kPhase * kLanes);
    if constexpr (kPhase + 1 < kChannels)
        if ((kPhase + 1) * kLanes < floats) store_ramp<kChannels, kPhase + 1>(start, step, first, floats, output);
}

// A run is written in whole vectors; what it writes too much the next one overwrites.
template <int kChannels, int kRed>
void expand_map(const float *map, ptrdiff_t map_channels, const Expansion &expansion, float strength, float *output) {
    for (int r = 0; r < expansion.count; ++r) {
        const Run run = expansion.runs[r];
        const float *left = map + run.first * map_channels;
        const float *right = map + run.second * map_channels;
        Floats start = {}, difference = {};  // in the order of the image's channels; alpha stays 0
        DCE_UNROLL for (int c = 0; c < 3; ++c) {
            constexpr int kBlue = 2 - kRed;
            const int position = c == 0 ? kRed : c == 2 ? kBlue : 1;
            start[position] = left[c] * strength;  // in single lanes, where no compiler contracts it into the next sum
            difference[position] = (right[c] - left[c]) * strength;
        }
        start += difference * run.weight;
        const int pixels = run.end - run.begin;
        for (int pixel = 0; pixel < pixels; pixel += kLanes)
            store_ramp<kChannels>(start, difference * expansion.slope, pixel, (pixels - pixel) * kChannels,
                                  output + static_cast<ptrdiff_t>(run.begin + pixel) * kChannels);
    }
}

void expand_row(const float *map, int map_channels, const Expansion &expansion, PixelLayout layout, float strength,
                float *output) {
#if defined(DCE_SPLITS_PIXELS)
    if (layout.channels == 4) return expand_split(map, map_channels, expansion, layout, strength, output);
#endif
    const auto expand = layout.channels == 3 ? (layout.position[0] == 0 ? expand_map<3, 0> : expand_map<3, 2>)
                                             : (layout.position[0] == 0 ? expand_map<4, 0> : expand_map<4, 2>);
    const size_t floats = static_cast<size_t>(expansion.width) * layout.channels;
    for (int first = 0; first < map_channels; first += 3, output += floats)
        expand(map + first, map_channels, expansion, strength, output);
}

// ---- the curve ----

// The same numbers as in curve_block of curve_bytes_scalar.cpp: y = 255 (x - 1/2) and maps of a / 255.
//
// Groups of four vectors, each an iteration behind the one before it: side by side, they hide the latency of a multiply-add,
// and while one is loaded or stored, others keep the multipliers busy. kMaps is 1 or DCE_ITERATIONS; the maps of a row lie
// `count` floats apart.
constexpr int kCurveGroup = 4;  // what store_bytes takes

template <int kGroups, int kMaps>
inline void curve_block(const uint8_t *source, const float *above, const float *below, float weight, ptrdiff_t count,
                        uint8_t *destination) {
    Floats y[kGroups][kCurveGroup], a[kGroups][kCurveGroup];
    DCE_UNROLL for (int step = 0; step < DCE_ITERATIONS + kGroups; ++step) {
        DCE_UNROLL for (int g = 0; g < kGroups; ++g) {
            const int n = step - g;  // of this group's iterations
            const ptrdiff_t first = g * kCurveGroup * kLanes;
            if (n == 0)
                DCE_UNROLL_BLOCK for (int v = 0; v < kCurveGroup; ++v) y[g][v] = load_bytes(source + first + v * kLanes) - 127.5f;
            if (n >= 0 && n < kMaps)
                DCE_UNROLL_BLOCK for (int v = 0; v < kCurveGroup; ++v) {
                    const Floats from = load(above + n * count + first + v * kLanes);
                    a[g][v] = from + weight * (load(below + n * count + first + v * kLanes) - from);
                }
            if (n >= 0 && n < DCE_ITERATIONS)
                DCE_UNROLL_BLOCK for (int v = 0; v < kCurveGroup; ++v) {
                    y[g][v] += a[g][v] * (y[g][v] * y[g][v] - 127.5f * 127.5f);
                    DCE_IN_ORDER(y[g][v]);
                }
            if (n == DCE_ITERATIONS) {
                DCE_UNROLL_BLOCK for (int v = 0; v < kCurveGroup; ++v) y[g][v] += 128.0f;
                store_bytes(y[g], destination + first);
            }
        }
    }
}

// So far ahead of a block, in bytes, its pixels are fetched into the cache: processors do so by themselves, but begin anew
// with every page, and a row is about a page long. Beyond the image, nothing happens.
constexpr int kAhead = 2048;

// As many values of a row as are whole blocks; returns how many these are.
template <int kGroups, int kMaps>
inline int curve_blocks(const uint8_t *source, const float *above, const float *below, float weight, int count,
                        uint8_t *destination) {
    constexpr int kBlock = kGroups * kCurveGroup * kLanes;
    int i = 0;
    for (; i + kBlock <= count; i += kBlock) {
        for (int line = 0; line < kBlock; line += 64) {
            __builtin_prefetch(source + i + kAhead + line);
            __builtin_prefetch(destination + i + kAhead + line, 1);
        }
        curve_block<kGroups, kMaps>(source + i, above + i, below + i, weight, count, destination + i);
    }
    return i;
}

}  // namespace
}  // namespace dce::vector

#if defined(__aarch64__) && !defined(__AARCH64EB__)
#  include "dsp/curve_bytes_neon.h"
#elif defined(__arm__)
#  include "dsp/curve_bytes_neon32.h"
#endif

namespace dce::vector {
namespace {

template <int kMaps>
inline void curve(const uint8_t *source, const float *above, const float *below, float weight, int count,
                  uint8_t *destination) {
    constexpr int kGroups = kMaps == 1 ? kCurveGroups : 2;
    constexpr int kBlock = kGroups * kCurveGroup * kLanes;
    static_assert(kBlock <= kExpandSlack, "a block reads no further behind the row than it may");
    const int done = curve_blocks<kGroups, kMaps>(source, above, below, weight, count, destination);
    if (done == count) return;
    // The rest as one more block, whose bytes stand in a buffer: a chain of multiply-adds takes its time, however short it is.
    const size_t rest = static_cast<size_t>(count - done);
    uint8_t bytes[kBlock] = {};
    memcpy(bytes, source + done, rest);
    curve_block<kGroups, kMaps>(bytes, above + done, below + done, weight, count, bytes);
    memcpy(destination + done, bytes, rest);
}

void curve_row(const uint8_t *source, const MapRows &map, int count, uint8_t *destination) {
#if defined(DCE_SPLITS_PIXELS)
    if (map.are_split) return curve_split(source, map, count / 4, destination);
#endif
    if (map.maps == 1)
        curve<1>(source, map.above, map.below, map.weight, count, destination);
    else
        curve<DCE_ITERATIONS>(source, map.above, map.below, map.weight, count, destination);
}

}  // namespace
}  // namespace dce::vector

namespace dce::DCE_SET {
extern const ByteCurveKernels kCurveBytes = {vector::kSplitsPixels, vector::expand_row, vector::curve_row};
}  // namespace dce::DCE_SET

#endif
