// FixedKernels on vectors: see vector.h.
#ifndef DCELITE_DSP_CONVOLUTION_FIXED_VECTOR_H
#define DCELITE_DSP_CONVOLUTION_FIXED_VECTOR_H

#include "dsp/convolution_fixed.h"
#include "dsp/vector.h"

namespace dce::vector {
namespace {

static_assert(kShorts == 2 * kLanes && kFilters % kShorts == 0, "channels are whole vectors");
static_assert(kFixedPixels % kFixedDepthPixels == 0 && kFixedPixels <= kFixedMost,
              "parts of the depthwise layers divide the register block");

// Where compilers would add up the products of a sum in an order of their own, for which there are not enough registers.
#if defined(__x86_64__)
#  define DCE_CHAINED(vector) __asm__("" : "+v"(vector))
#else
#  define DCE_CHAINED(vector) DCE_IN_ORDER(vector)
#endif

// Two values, again and again.
inline Shorts broadcast(const int16_t *two) {
    int32_t word;
    memcpy(&word, two, sizeof word);
    return reinterpret_cast<Shorts>(fill(word));
}

// Depthwise 3x3 of kFixedDepthPixels pixels from column x on, for the used channels of one input -> filtered (pixels, kInputs).
template <int kInputs>
inline void depthwise(const int16_t *const rows[3], int x, const int16_t *weight, const int16_t *bias, int used,
                      int16_t *filtered) {
    const ptrdiff_t first = static_cast<ptrdiff_t>(x - 1) * kFilters;
    for (int c = 0; c < used; c += kShorts) {
        Shorts taps[kTaps], sums[kFixedDepthPixels];
        DCE_UNROLL for (int tap = 0; tap < kTaps; ++tap) taps[tap] = load(weight + tap * kInputs + c);
        DCE_UNROLL for (int p = 0; p < kFixedDepthPixels; ++p) sums[p] = load(bias + c);
        // See convolution_vector.h.
        DCE_UNROLL for (int column = 0; column < kFixedDepthPixels + 2; ++column) {
            DCE_UNROLL for (int r = 0; r < 3; ++r) {
                const Shorts value = load(rows[r] + first + column * kFilters + c);
                DCE_UNROLL for (int tap = 0; tap < 3; ++tap) {
                    const int p = column - tap;
                    if (p < 0 || p >= kFixedDepthPixels) continue;
                    sums[p] = multiply_add(sums[p], value, taps[3 * r + tap]);
                    DCE_CHAINED(sums[p]);
                }
            }
        }
        DCE_UNROLL for (int p = 0; p < kFixedDepthPixels; ++p) store(sums[p], filtered + p * kInputs + c);
    }
}

template <int kInputs>
inline void depthwise_all(const FixedLayer &layer, const FixedInput &input, int x, int16_t *filtered) {
    for (int first = 0; first < kInputs; first += kFilters)
        for (int p = 0; p < kFixedPixels; p += kFixedDepthPixels)
            depthwise<kInputs>(input.rows[first / kFilters], x + p, layer.depth + first, layer.depth_bias + first,
                               layer.used[first / kFilters], filtered + p * kInputs + first);
}

}  // namespace
}  // namespace dce::vector

// The pointwise half.
#if defined(__ARM_NEON)
#  include "dsp/convolution_fixed_neon.h"
#else
namespace dce::vector {
namespace {

// Sums of products two by two, in 32 bits.
constexpr bool kSumsAreShort = false;
constexpr int kInputBlock = 2;
constexpr double kWorth = 1.0;
constexpr int kOutputs = kShorts;  // that are computed together

// sums[p][v] = bias + weights * filtered, two channels at a time, of outputs from `first` on.
template <int kVectors, int kInputs>
inline void pointwise(const FixedLayer &layer, const int32_t *bias, const int16_t *filtered, int first,
                      Ints (&sums)[kFixedPixels][kVectors]) {
    DCE_UNROLL for (int v = 0; v < kVectors; ++v)
        DCE_UNROLL for (int p = 0; p < kFixedPixels; ++p) sums[p][v] = load(bias + first + v * kLanes);
    const int16_t *weight = layer.point + 2 * first;
    const ptrdiff_t step = 2 * static_cast<ptrdiff_t>(layer.padded_outputs());
    for (int source = 0; source < kInputs / kFilters; ++source, filtered += kFilters)
        for (int c = 0; c < layer.used[source]; c += 2, weight += step) {
            Shorts weights[kVectors];
            DCE_UNROLL for (int v = 0; v < kVectors; ++v) weights[v] = load(weight + v * kShorts);
            DCE_UNROLL for (int p = 0; p < kFixedPixels; ++p) {
                const Shorts values = broadcast(filtered + p * kInputs + c);
                DCE_UNROLL for (int v = 0; v < kVectors; ++v) {
                    sums[p][v] = dot2(sums[p][v], values, weights[v]);
                    DCE_CHAINED(sums[p][v]);
                }
            }
        }
}

// Outputs of a hidden layer from `first` on -> (kFixedPixels, kFilters).
template <int kInputs>
inline void write_outputs(const FixedLayer &layer, const int32_t *bias, const int16_t *filtered, int first, int16_t *output) {
    Ints sums[kFixedPixels][2];
    pointwise<2, kInputs>(layer, bias, filtered, first, sums);
    const int shift = layer.shift;
    DCE_UNROLL for (int p = 0; p < kFixedPixels; ++p)
        store(larger(pack(sums[p][0] >> shift, sums[p][1] >> shift), Shorts{}), output + p * kFilters);
}

// Sums of the map -> (kFixedPixels, 3), and what stands behind them.
inline void write_sums(const FixedLayer &layer, const int16_t *filtered, int32_t *sums) {
    Ints results[kFixedPixels][1];
    pointwise<1, 2 * kFilters>(layer, layer.bias, filtered, 0, results);
    // In order: the next pixel overwrites the padding of the one before.
    DCE_UNROLL for (int p = 0; p < kFixedPixels; ++p) store(results[p][0], sums + 3 * p);
}

}  // namespace
}  // namespace dce::vector
#endif

namespace dce::vector {
namespace {

template <int kInputs>
struct HiddenStep {
    const FixedLayer &layer;
    const int32_t *bias;
    const FixedInput &input;
    int16_t *scratch;
    int16_t *output;

    void run(int x) const {
        depthwise_all<kInputs>(layer, input, x, scratch);
        for (int o = 0; o < layer.kept; o += kOutputs)
            write_outputs<kInputs>(layer, bias, scratch, o, output + static_cast<ptrdiff_t>(x) * kFilters + o);
    }
};

struct MapStep {
    const FixedLayer &layer;
    const FixedInput &input;
    int16_t *scratch;
    int32_t *sums;

    void run(int x) const {
        depthwise_all<2 * kFilters>(layer, input, x, scratch);
        write_sums(layer, scratch, sums + 3 * static_cast<ptrdiff_t>(x));
    }
};

// See convolution_vector.h.
template <typename Step>
inline void walk(const Step &step, int width) {
    static_assert(kFixedPixels * 2 * kFilters <= kFixedScratch, "filtered values have room");
    step.run(0);
    for (int x = kFixedPixels; x < width; x += kFixedPixels) step.run(x + kFixedPixels <= width ? x : width - kFixedPixels);
}

void narrow_row(const float *values, const float *scale, int width, int16_t *output) {
    for (ptrdiff_t x = 0; x < width; ++x)
        DCE_UNROLL for (int c = 0; c < kFilters; c += kShorts) {
            const float *pixel = values + x * kFilters + c;
            const Floats low = load(pixel) * load(scale + c), high = load(pixel + kLanes) * load(scale + c + kLanes);
            const Floats most = fill(32767.0f);
            store(pack(nearest(smaller(low, most)), nearest(smaller(high, most))), output + x * kFilters + c);
        }
}

void hidden_row(const FixedLayer &layer, const int32_t *bias, const FixedInput &input, int width, int16_t *scratch,
                int16_t *output) {
    if (layer.inputs == kFilters)
        walk(HiddenStep<kFilters>{layer, bias, input, scratch, output}, width);
    else
        walk(HiddenStep<2 * kFilters>{layer, bias, input, scratch, output}, width);
}

void map_row(const FixedLayer &layer, const FixedInput &input, int width, int16_t *scratch, int32_t *sums, float *map) {
    walk(MapStep{layer, input, scratch, sums}, width);
    const float multiplier[] = {1.0f / layer.scale[0], 1.0f / layer.scale[1], 1.0f / layer.scale[2]};
    static_assert(kLanes <= 3 * kFixedMost, "there is room behind the sums");
    map_of_sums(sums, multiplier, width, map);
}

}  // namespace
}  // namespace dce::vector

namespace dce::DCE_SET {
extern const FixedKernels kConvolutionFixed = {vector::kSumsAreShort, vector::kInputBlock, vector::kWorth,
                                               vector::narrow_row,    vector::hidden_row,  vector::map_row};
}  // namespace dce::DCE_SET

#endif
