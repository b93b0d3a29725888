// The pointwise half of FixedKernels on NEON, included by convolution_fixed_vector.h: lanes as factors, sums in 16 bits.
#ifndef DCELITE_DSP_CONVOLUTION_FIXED_NEON_H
#define DCELITE_DSP_CONVOLUTION_FIXED_NEON_H

namespace dce::vector {
namespace {

constexpr bool kSumsAreShort = true;
constexpr int kInputBlock = kShorts;
#if defined(__ARM_FEATURE_QRDMX)
constexpr double kWorth = 1.0;
#else  // two instructions for a product
constexpr double kWorth = 0.75;
#endif
constexpr int kOutputs = 2 * kShorts;  // that are computed together

template <int kLane>
inline Shorts add_product(Shorts sum, Shorts weights, Shorts values) {
#if defined(__ARM_FEATURE_QRDMX)
    return reinterpret_cast<Shorts>(vqrdmlahq_laneq_s16(bits(sum), bits(weights), bits(values), kLane));
#elif defined(__aarch64__)
    return add_saturated(sum, reinterpret_cast<Shorts>(vqrdmulhq_laneq_s16(bits(weights), bits(values), kLane)));
#else
    const int16x4_t half = kLane < 4 ? vget_low_s16(bits(values)) : vget_high_s16(bits(values));
    return add_saturated(sum, reinterpret_cast<Shorts>(vqrdmulhq_lane_s16(bits(weights), half, kLane % 4)));
#endif
}

// Of lanes kLane … kShorts - 1 of the values: input channels, whose weights are `step` values apart.
template <int kLane, int kVectors>
__attribute__((always_inline)) inline void add_products(const int16_t *weight, ptrdiff_t step,
                                                        const Shorts (&values)[kFixedPixels],
                                                        Shorts (&sums)[kFixedPixels][kVectors]) {
    if constexpr (kLane < kShorts) {
        Shorts weights[kVectors];
        DCE_UNROLL for (int v = 0; v < kVectors; ++v) weights[v] = load(weight + v * kShorts);
        DCE_UNROLL for (int v = 0; v < kVectors; ++v)
            DCE_UNROLL for (int p = 0; p < kFixedPixels; ++p)
                sums[p][v] = add_product<kLane>(sums[p][v], weights[v], values[p]);
        add_products<kLane + 1>(weight + step, step, values, sums);
    }
}

// sums[p][v] = bias + weights * filtered, of outputs from `first` on.
template <int kVectors, int kInputs>
__attribute__((always_inline)) inline void pointwise(const FixedLayer &layer, const int32_t *bias, const int16_t *filtered,
                                                     int first, Shorts (&sums)[kFixedPixels][kVectors]) {
    DCE_UNROLL for (int v = 0; v < kVectors; ++v) {
        const int32x4_t low = vld1q_s32(bias + first + v * kShorts), high = vld1q_s32(bias + first + v * kShorts + kLanes);
        const Shorts start = reinterpret_cast<Shorts>(vcombine_s16(vmovn_s32(low), vmovn_s32(high)));
        DCE_UNROLL for (int p = 0; p < kFixedPixels; ++p) sums[p][v] = start;
    }
    const int16_t *weight = layer.point + first;
    const ptrdiff_t step = layer.padded_outputs();
    for (int source = 0; source < kInputs / kFilters; ++source, filtered += kFilters) {
        for (int c = 0; c < layer.used[source]; c += kShorts, weight += kShorts * step) {
            Shorts values[kFixedPixels];
            DCE_UNROLL for (int p = 0; p < kFixedPixels; ++p) values[p] = load(filtered + p * kInputs + c);
            add_products<0>(weight, step, values, sums);
        }
    }
}

// Outputs of a hidden layer from `first` on -> (kFixedPixels, kFilters).
template <int kInputs>
__attribute__((always_inline)) inline void write_outputs(const FixedLayer &layer, const int32_t *bias, const int16_t *filtered,
                                                         int first, int16_t *output) {
    Shorts sums[kFixedPixels][2];
    pointwise<2, kInputs>(layer, bias, filtered, first, sums);
    DCE_UNROLL for (int p = 0; p < kFixedPixels; ++p)
        DCE_UNROLL for (int v = 0; v < 2; ++v) store(larger(sums[p][v], Shorts{}), output + p * kFilters + v * kShorts);
}

// The same in 32 bits, of the first outputs.
template <int kLane>
__attribute__((always_inline)) inline void add_long_products(const int16_t *weight, ptrdiff_t step,
                                                             const Shorts (&values)[kFixedPixels], Ints (&sums)[kFixedPixels]) {
    if constexpr (kLane < kShorts) {
        const int16x4_t weights = vld1_s16(weight);
        DCE_UNROLL for (int p = 0; p < kFixedPixels; ++p) {
            const int16x4_t half = kLane < 4 ? vget_low_s16(bits(values[p])) : vget_high_s16(bits(values[p]));
            sums[p] = vmlal_lane_s16(sums[p], weights, half, kLane % 4);
        }
        add_long_products<kLane + 1>(weight + step, step, values, sums);
    }
}

// Sums of the map -> (kFixedPixels, 3), and what stands behind them.
inline void write_sums(const FixedLayer &layer, const int16_t *filtered, int32_t *sums) {
    Ints results[kFixedPixels];
    DCE_UNROLL for (int p = 0; p < kFixedPixels; ++p) results[p] = load(layer.bias);
    const int16_t *weight = layer.point;
    const ptrdiff_t step = layer.padded_outputs();
    for (int source = 0; source < 2; ++source, filtered += kFilters)
        for (int c = 0; c < layer.used[source]; c += kShorts, weight += kShorts * step) {
            Shorts values[kFixedPixels];
            DCE_UNROLL for (int p = 0; p < kFixedPixels; ++p) values[p] = load(filtered + p * 2 * kFilters + c);
            add_long_products<0>(weight, step, values, results);
        }
    // In order: the next pixel overwrites the padding of the one before.
    DCE_UNROLL for (int p = 0; p < kFixedPixels; ++p) store(results[p], sums + 3 * p);
}

}  // namespace
}  // namespace dce::vector

#endif
