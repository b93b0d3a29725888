// FixedCurveKernels on vectors: see vector.h.
#ifndef DCELITE_DSP_CURVE_FIXED_VECTOR_H
#define DCELITE_DSP_CURVE_FIXED_VECTOR_H

#include "dsp/curve_fixed.h"
#include "dsp/vector.h"

namespace dce::vector {
namespace {

inline Shorts load(const int16_t *values) {
    Shorts result;
    memcpy(&result, values, sizeof result);
    return result;
}
inline void store(Shorts vector, int16_t *values) { memcpy(values, &vector, sizeof vector); }
inline Shorts fill(int16_t value) { return value - Shorts{}; }

// ---- rows of the map ----

// Vector kPhase of the pixel that all groups of four lanes hold, side by side: of kChannels, 3 or 4.
template <int kChannels, int kPhase>
inline Shorts repeat(Shorts pixel) {
    if constexpr (kChannels == 4) return pixel;
    Shorts result, indices;
    DCE_UNROLL for (int l = 0; l < kShorts; ++l) indices[l] = static_cast<int16_t>(l / 8 * 8 + (kPhase * kShorts + l) % 3);
#if defined(__clang__)
    DCE_UNROLL for (int l = 0; l < kShorts; ++l) result[l] = pixel[l / 8 * 8 + (kPhase * kShorts + l) % 3];
#else
    result = __builtin_shuffle(pixel, indices);
#endif
    return result;
}

// Vectors kPhase and those after it, every kPhases-th one, of the run's values.
template <int kChannels, int kPhase = 0>
inline void expand_run(Shorts left, Shorts difference, const int16_t *weights, int count, int16_t *output) {
    constexpr int kPhases = kChannels == 3 ? 3 : 1;
    if (kPhase * kShorts >= count) return;
    const Shorts start = repeat<kChannels, kPhase>(left), change = repeat<kChannels, kPhase>(difference);
    for (int i = kPhase * kShorts; i < count; i += kPhases * kShorts)
        store(multiply_add(start, change, load(weights + i)), output + i);
    if constexpr (kPhase + 1 < kPhases) expand_run<kChannels, kPhase + 1>(left, difference, weights, count, output);
}

// A run is written in whole vectors; what it writes too much the next one overwrites.
template <int kChannels>
void expand(const int16_t *map, const FixedExpansion &expansion, int16_t *output) {
    for (int r = 0; r < expansion.along.count; ++r) {
        const Run run = expansion.along.runs[r];
        const Shorts left = load_pixel(map + static_cast<ptrdiff_t>(run.first) * kFixedLane);
        const Shorts right = load_pixel(map + static_cast<ptrdiff_t>(run.second) * kFixedLane);
        const ptrdiff_t first = static_cast<ptrdiff_t>(run.begin) * kChannels;
        expand_run<kChannels>(left, right - left, expansion.weights + first, (run.end - run.begin) * kChannels,
                              output + first);
    }
}

void expand_row(const int16_t *map, const FixedExpansion &expansion, int channels, int16_t *output) {
    (channels == 3 ? expand<3> : expand<4>)(map, expansion, output);
}

void combine_rows(const int16_t *above, const int16_t *below, int count, int16_t *sum, int16_t *difference) {
    constexpr int kVectors = 4;
    static_assert(kVectors * kShorts <= kFixedSlack, "what is written too much lies behind the row");
    for (int i = 0; i < count; i += kVectors * kShorts) {
        Shorts a[kVectors], b[kVectors];
        DCE_UNROLL for (int v = 0; v < kVectors; ++v) a[v] = load(above + i + v * kShorts), b[v] = load(below + i + v * kShorts);
        DCE_UNROLL for (int v = 0; v < kVectors; ++v) store(a[v] + b[v], sum + i + v * kShorts);
        DCE_UNROLL for (int v = 0; v < kVectors; ++v) store(b[v] - a[v], difference + i + v * kShorts);
    }
}

// ---- the curve ----

constexpr int kFixedBlock = kFixedVectors * kShorts;  // values that go through the curve together
static_assert(kFixedVectors % 2 == 0 && kFixedBlock <= kFixedSlack, "a block reads no further behind the row than it may");

template <int kMaps>
inline void curve_block(const uint8_t *source, const int16_t *sum, const int16_t *difference, Shorts weight, ptrdiff_t count,
                        uint8_t *destination) {
    Shorts y[kFixedVectors], a[kFixedVectors];
    DCE_UNROLL for (int v = 0; v < kFixedVectors; v += 2) load_centered(source + v * kShorts, y + v);
    DCE_UNROLL for (int n = 0; n < DCE_ITERATIONS; ++n) {
        if (n < kMaps)
            DCE_UNROLL for (int v = 0; v < kFixedVectors; ++v) {
                const ptrdiff_t k = n * count + v * kShorts;
                a[v] = multiply_add(load(sum + k), load(difference + k), weight);
            }
        DCE_UNROLL for (int v = 0; v < kFixedVectors; ++v)
            y[v] = multiply_add(y[v], a[v], multiply(y[v], y[v]) - static_cast<int16_t>(kFixedQuarter));
    }
    DCE_UNROLL for (int v = 0; v < kFixedVectors; v += 2) store_centered(y + v, destination + v * kShorts);
}

constexpr int kFixedAhead = 2048;  // see curve_bytes_vector.h

template <int kMaps>
void curve(const uint8_t *source, const FixedMapRows &map, int count, uint8_t *destination) {
    const int16_t *sum = map.sum, *difference = map.difference;
    const Shorts weight = fill(map.weight);
    int i = 0;
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

}  // namespace
}  // namespace dce::vector

namespace dce::DCE_SET {
extern const FixedCurveKernels kCurveFixed = {vector::expand_row, vector::combine_rows, vector::curve_row};
}  // namespace dce::DCE_SET

#endif
