// ByteCurveKernels on vectors, for pixels of four bytes as planes of three: see vector.h, and ByteCurveKernels.
#ifndef DCELITE_DSP_CURVE_SPLIT_VECTOR_H
#define DCELITE_DSP_CURVE_SPLIT_VECTOR_H

#include "dsp/curve.h"
#include "dsp/vector.h"

namespace dce::vector {
namespace {

// A plane for each byte but alpha, in the order of the bytes; what a run writes too much the next one, or plane, overwrites.
inline void expand_split_map(const float *map, ptrdiff_t map_channels, const Expansion &expansion, PixelLayout layout,
                             float strength, float *output) {
    Floats pixels;
    DCE_UNROLL for (int l = 0; l < kLanes; ++l) pixels[l] = static_cast<float>(l);
    for (int byte = 0; byte < 3; ++byte, output += expansion.width) {
        const float *channel = map + layout.position[byte];  // red and blue change places, or none
        for (int r = 0; r < expansion.count; ++r) {
            const Run run = expansion.runs[r];
            const float left = channel[run.first * map_channels] * strength;
            const float difference = (channel[run.second * map_channels] - channel[run.first * map_channels]) * strength;
            const Floats slope = fill(difference * expansion.slope);
            Floats values = fill(left + difference * run.weight) + pixels * slope;
            for (int x = run.begin; x < run.end; x += kLanes, values += slope * static_cast<float>(kLanes))
                store(values, output + x);
        }
    }
}

inline void expand_split(const float *map, int map_channels, const Expansion &expansion, PixelLayout layout, float strength,
                         float *output) {
    for (int first = 0; first < map_channels; first += 3, output += 3 * static_cast<ptrdiff_t>(expansion.width))
        expand_split_map(map + first, map_channels, expansion, layout, strength, output);
}

// The curve as in curve_block of curve_bytes_vector.h, on pixels of four bytes, of which the first three have planes of the
// map, `stride` floats apart.
constexpr int kSplitVectors = 2;  // of pixels that go through the curve together

template <int kMaps>
inline void curve_pixels(const uint8_t *source, const float *above, const float *below, float weight, ptrdiff_t stride,
                         uint8_t *destination) {
    Floats y[kSplitVectors][3], a[kSplitVectors][3];
    DCE_UNROLL for (int n = 0; n < DCE_ITERATIONS; ++n) {
        DCE_UNROLL for (int v = 0; v < kSplitVectors; ++v) {
            DCE_UNROLL for (int c = 0; c < 3; ++c) {
                if (n == 0) {
                    const Ints codes = (load_words(source + 4 * v * kLanes) >> 8 * c) & 255;
                    y[v][c] = __builtin_convertvector(codes, Floats) - 127.5f;
                }
                if (n < kMaps) {
                    const ptrdiff_t first = (3 * n + c) * stride + v * kLanes;
                    const Floats from = load(above + first);
                    a[v][c] = from + weight * (load(below + first) - from);
                }
                y[v][c] += a[v][c] * (y[v][c] * y[v][c] - 127.5f * 127.5f);
                DCE_IN_ORDER(y[v][c]);
            }
        }
    }
    DCE_UNROLL for (int v = 0; v < kSplitVectors; ++v) {
        Ints words = load_words(source + 4 * v * kLanes) & static_cast<int32_t>(0xff000000);
        DCE_UNROLL for (int c = 0; c < 3; ++c) words |= to_codes(y[v][c] + 128.0f) << 8 * c;
        memcpy(destination + 4 * v * kLanes, &words, sizeof words);
    }
}

template <int kMaps>
inline void curve_planes(const uint8_t *source, const float *above, const float *below, float weight, int width,
                         uint8_t *destination) {
    constexpr int kBlock = kSplitVectors * kLanes;
    static_assert(kBlock <= kExpandSlack, "a block reads no further behind the row than it may");
    int x = 0;
    for (; x + kBlock <= width; x += kBlock)
        curve_pixels<kMaps>(source + 4 * x, above + x, below + x, weight, width, destination + 4 * x);
    if (x == width) return;
    uint8_t bytes[4 * kBlock] = {};  // the rest, as one more block
    memcpy(bytes, source + 4 * x, 4 * static_cast<size_t>(width - x));
    curve_pixels<kMaps>(bytes, above + x, below + x, weight, width, bytes);
    memcpy(destination + 4 * x, bytes, 4 * static_cast<size_t>(width - x));
}

inline void curve_split(const uint8_t *source, const MapRows &map, int width, uint8_t *destination) {
    const auto curve = map.maps == 1 ? curve_planes<1> : curve_planes<DCE_ITERATIONS>;
    curve(source, map.above, map.below, map.weight, width, destination);
}

}  // namespace
}  // namespace dce::vector

#endif
