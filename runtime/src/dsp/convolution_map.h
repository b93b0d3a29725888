// The last layer of Zero-DCE++ on vectors, whose outputs are too few to fill one: included by convolution_vector.h.
#ifndef DCELITE_DSP_CONVOLUTION_MAP_H
#define DCELITE_DSP_CONVOLUTION_MAP_H

namespace dce::vector {
namespace {

// Lanes whose index has bit kHalf clear from the first vector, the others from the second: their own, or their partner's.
template <int kHalf>
struct Own {
    static constexpr int of(int l) { return l + ((l & kHalf) ? kLanes : 0); }
};
template <int kHalf>
struct Partner {
    static constexpr int of(int l) { return (l ^ kHalf) + ((l & kHalf) ? kLanes : 0); }
};

// Halves vectors, two by two, until one is left: part i of the result, of kCount equal ones, holds what vector i was summed up
// to. kHalf is half of kLanes, or less where that has been done before: then every part of 2 kHalf lanes goes this way.
template <int kHalf, int kCount>
inline Floats sums_of(const Floats (&vectors)[kCount]) {
    if constexpr (kCount == 1) {
        return vectors[0];
    } else {
        Floats halves[kCount / 2];
        DCE_UNROLL for (int i = 0; i < kCount / 2; ++i)
            halves[i] = shuffle<Own<kHalf>>(vectors[i], vectors[i + kCount / 2]) +
                        shuffle<Partner<kHalf>>(vectors[i], vectors[i + kCount / 2]);
        return sums_of<kHalf / 2>(halves);
    }
}

// The last layer of Zero-DCE++: 64 filtered channels -> 3 channels of the map, as dot products.
struct MapStep {
    const Layer &layer;
    const float *filtered;  // (kLanes, kInputs)
    float *output;

    static constexpr int kInputs = 2 * kFilters;
    static constexpr int kGroup = 4;  // pixels whose products with all three outputs fit the registers
    static constexpr int kGroups = kLanes / kGroup;

    // kLanes pixels from column x on, `count` of which are there, so that their sums are whole vectors. Before activation.
    void run(int x, int count) const {
        float pixels[3 * kLanes];
        float *const result = count == kLanes ? output + static_cast<ptrdiff_t>(x) * 3 : pixels;
        Floats parts[3][kGroups];
        for (int g = 0; g < kGroups; ++g) dot(filtered + g * kGroup * kInputs, parts, g);
        Floats sums[3];
        DCE_UNROLL_BLOCK for (int o = 0; o < 3; ++o) sums[o] = sums_of<kGroups / 2>(parts[o]) + layer.bias[o];
        interleave<0>(sums, result);
        interleave<1>(sums, result);
        interleave<2>(sums, result);
        if (count < kLanes) memcpy(output + static_cast<ptrdiff_t>(x) * 3, pixels, sizeof(float) * 3 * static_cast<size_t>(count));
    }

    // Vector kPhase of the pixels whose channels are `planes`: first those of two, then the third put between them.
    template <int kPhase>
    struct OfTwo {
        static constexpr int of(int l) {
            return lane(Interleaved<3, kPhase>::pixel(l)) + (Interleaved<3, kPhase>::of(l) == 1 ? kLanes : 0);
        }
    };
    template <int kPhase>
    struct WithThird {
        static constexpr int of(int l) {
            return Interleaved<3, kPhase>::of(l) == 2 ? kLanes + lane(Interleaved<3, kPhase>::pixel(l)) : l;
        }
    };
    template <int kPhase>
    static void interleave(const Floats (&planes)[3], float *pixels) {
        store(shuffle<WithThird<kPhase>>(shuffle<OfTwo<kPhase>>(planes[0], planes[1]), planes[2]), pixels + kPhase * kLanes);
    }

    // Products of kGroup pixels, summed up to as many parts of parts[output][g]. Those of pixels that are not there have no
    // meaning.
    void dot(const float *pixels, Floats (&parts)[3][kGroups], int g) const {
        Floats sums[3][kGroup] = {};
        for (int c = 0; c < kInputs; c += kLanes) {
            Floats weights[3];
            DCE_UNROLL_BLOCK for (int o = 0; o < 3; ++o) weights[o] = load(layer.transposed_weight + o * kInputs + c);
            DCE_UNROLL_BLOCK for (int p = 0; p < kGroup; ++p) {
                const Floats pixel = load(pixels + p * kInputs + c);
                DCE_UNROLL_BLOCK for (int o = 0; o < 3; ++o) sums[o][p] += pixel * weights[o];
            }
        }
        DCE_UNROLL_BLOCK for (int o = 0; o < 3; ++o) parts[o][g] = sums_of<kLanes / 2>(sums[o]);
    }

    // Where a pixel's sum has come to.
    static constexpr int lane(int pixel) { return pixel % kGroup * kGroups + pixel / kGroup; }
};

inline void map_row(const Layer &layer, const LayerInput &input, int width, float *scratch, float *output) {
    memset(scratch, 0, sizeof(float) * kChunk * MapStep::kInputs);
    for (int x = 0; x < width; x += kChunk) {
        const int count = width - x < kChunk ? width - x : kChunk;
        filter_map(layer, input, x, count, scratch);
        for (int p = 0; p < count; p += kLanes)
            MapStep{layer, scratch + p * MapStep::kInputs, output}.run(x + p, count - p < kLanes ? count - p : kLanes);
    }
    tanh_values(3 * width, output, output);
}

}  // namespace
}  // namespace dce::vector

#endif
