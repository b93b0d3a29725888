// The kernels once more, on vectors of floats: the same for every instruction set, which a file of its own names.
//
// Such a file, kernels_avx2.cpp for one, defines in namespace dce::vector, before it includes this one:
//
//   kLanes                      floats in a vector
//   Floats                      the vector, a type on which the compiler knows + - * / and indexing
//   Ints                        as many int32_t
//   kBlockPixels, kBlockVectors size of the register block of the convolutions: their product plus kBlockVectors + 1 vectors
//                               have to fit the registers
//   load_bytes(const uint8_t *) kLanes bytes as floats
//   store_bytes(Floats, uint8_t *) kLanes floats as bytes: truncated, clamped to 0 … 255, not-a-number to 0
//   larger, smaller             of two vectors, lane by lane
//
// and is compiled with the options that allow these instructions and the contraction of a * b + c.
#ifndef DCELITE_KERNELS_VECTOR_H
#define DCELITE_KERNELS_VECTOR_H

#include <string.h>

#include "kernels.h"

namespace dce {
namespace vector {
namespace {  // each instruction set has its own functions: the linker must not take one for another's

static_assert(kFilters % (kLanes * kBlockVectors) == 0, "register blocks divide the filters");
static_assert(kChannelBlock % kLanes == 0, "padded channels are whole vectors");

inline Floats load(const float *values) {
    Floats result;
    memcpy(&result, values, sizeof result);
    return result;
}

inline void store(Floats vector, float *values) { memcpy(values, &vector, sizeof vector); }

inline Floats fill(float value) { return value - Floats{}; }

// Lane l of the result is lane Index::of(l) of `a`, or lane Index::of(l) - kLanes of `b`. One instruction or two.
template <typename Index>
inline Floats shuffle(Floats a, Floats b) {
#if defined(__clang__)
    Floats result;
    for (int l = 0; l < kLanes; ++l) result[l] = Index::of(l) < kLanes ? a[Index::of(l)] : b[Index::of(l) - kLanes];
    return result;
#else
    Ints indices;
    for (int l = 0; l < kLanes; ++l) indices[l] = Index::of(l);
    return __builtin_shuffle(a, b, indices);
#endif
}

// ---- convolutions ----

// sums[p][v] += pixel[p * stride + c] * weight[c][v] for `count` channels: the inner loop of both architectures.
template <int kPixels>
inline void accumulate(const float *pixel, ptrdiff_t stride, const float *weight, int outputs, int count,
                       Floats (&sums)[kPixels][kBlockVectors]) {
    for (int c = 0; c < count; ++c, weight += outputs) {
        Floats weights[kBlockVectors];
        for (int v = 0; v < kBlockVectors; ++v) weights[v] = load(weight + v * kLanes);
        for (int p = 0; p < kPixels; ++p) {
            const float value = pixel[p * stride + c];
            for (int v = 0; v < kBlockVectors; ++v) sums[p][v] += value * weights[v];
        }
    }
}

template <int kPixels>
inline void start_with_bias(const float *bias, Floats (&sums)[kPixels][kBlockVectors]) {
    for (int v = 0; v < kBlockVectors; ++v)
        for (int p = 0; p < kPixels; ++p) sums[p][v] = load(bias + v * kLanes);
}

template <int kPixels>
inline void store_relu(const Floats (&sums)[kPixels][kBlockVectors], float *output) {
    for (int p = 0; p < kPixels; ++p)
        for (int v = 0; v < kBlockVectors; ++v)
            store(larger(sums[p][v], Floats{}), output + p * kFilters + v * kLanes);
}

// tanh x = 1 - 2 / (e^2x + 1), with e^y = 2^n e^f, n the integer nearest to y log2(e), and e^f by its Taylor series of
// degree 7 (|f| < 0.35: the first term left out is below 1e-8). Absolute error below 2e-7.
inline Floats tanh(Floats x) {
    x = smaller(larger(x, fill(-9.5f)), fill(9.5f));  // beyond, tanh is 1 to the last bit
    const float kRound = 12582912.0f;                 // 1.5 * 2^23: adding it rounds to an integer
    const Floats shifted = x * 2.88539008f + kRound;
    const Floats n = shifted - kRound;
    const Floats f = x * 2.0f - n * 0.693147181f;
    constexpr float kTaylor[] = {1.0f / 720.0f, 1.0f / 120.0f, 1.0f / 24.0f, 1.0f / 6.0f, 0.5f, 1.0f, 1.0f};
    Floats power = fill(1.0f / 5040.0f);
    for (const float coefficient : kTaylor) power = power * f + coefficient;
    Ints bits;
    memcpy(&bits, &shifted, sizeof bits);
    Ints exponent = (bits << 23) + (127 << 23);  // the integer n stands in the lowest bits of `shifted`
    Floats scale;
    memcpy(&scale, &exponent, sizeof scale);
    return 1.0f - 2.0f / (power * scale + 1.0f);
}

inline void tanh_values(int count, const float *values, float *results) {
    for (int i = 0; i < count; i += kLanes) {
        const int rest = count - i < kLanes ? count - i : kLanes;
        Floats vector = {};
        memcpy(&vector, values + i, sizeof(float) * rest);
        vector = tanh(vector);
        memcpy(results + i, &vector, sizeof(float) * rest);
    }
}

// Depthwise 3x3 of kPixels pixels from column x on, for `channels` (a multiple of kLanes) -> filtered (kPixels, stride).
template <int kPixels>
inline void depthwise(const float *const rows[3], int channels, int x, const float *weight, int inputs, const float *bias,
                      float *filtered, int stride) {
    for (int c = 0; c < channels; c += kLanes) {
        Floats taps[kTaps];
        for (int tap = 0; tap < kTaps; ++tap) taps[tap] = load(weight + tap * inputs + c);
        Floats sums[kPixels];
        for (int p = 0; p < kPixels; ++p) sums[p] = load(bias + c);
        // Column by column, so that a value is loaded once for the three pixels that it is a neighbour of.
        for (int column = -1; column <= kPixels; ++column) {
            for (int r = 0; r < 3; ++r) {
                const Floats value = load(rows[r] + static_cast<ptrdiff_t>(x + column) * channels + c);
                if (column + 1 < kPixels) sums[column + 1] += value * taps[3 * r];
                if (column >= 0 && column < kPixels) sums[column] += value * taps[3 * r + 1];
                if (column >= 1) sums[column - 1] += value * taps[3 * r + 2];
            }
        }
        for (int p = 0; p < kPixels; ++p) store(sums[p], filtered + p * stride + c);
    }
}

template <int kPixels>
inline void depthwise_all(const Layer &layer, const LayerInput &input, int x, float *filtered) {
    for (int source = 0; source < 2; ++source) {
        const int first = source * input.channels[0];
        depthwise<kPixels>(input.rows[source], input.channels[source], x, layer.depth + first, layer.inputs,
                           layer.depth_bias + first, filtered + first, layer.inputs);
    }
}

// One step of a walk along the row: kPixels pixels of a layer.
struct SeparableStep {
    const Layer &layer;
    const LayerInput &input;
    float *scratch;
    float *output;

    template <int kPixels>
    void run(int x) const {
        float *filtered = scratch;
        depthwise_all<kPixels>(layer, input, x, filtered);
        for (int o = 0; o < kFilters; o += kLanes * kBlockVectors) {
            Floats sums[kPixels][kBlockVectors];
            start_with_bias(layer.bias + o, sums);
            accumulate(filtered, layer.inputs, layer.weight + o, kFilters, layer.inputs, sums);
            store_relu(sums, output + static_cast<ptrdiff_t>(x) * kFilters + o);
        }
    }
};

// The first layer of Zero-DCE++. Red, green and blue of its input are next to each other, so that a vector holds pixels of
// all three and a neighbour is three floats away; the weights are repeated to match.
class ImageStep {
public:
    ImageStep(const Layer &layer, const LayerInput &input, float *scratch, float *output)
        : layer_(layer), input_(input), weights_(scratch), filtered_(scratch + (kTaps + 1) * kGroup), output_(output) {
        for (int i = 0; i < kGroup; ++i) {
            for (int tap = 0; tap < kTaps; ++tap) weights_[tap * kGroup + i] = layer.depth[tap * 3 + i % 3];
            weights_[kTaps * kGroup + i] = layer.depth_bias[i % 3];
        }
    }

    // `count` pixels, at most kLanes.
    void run(int x, int count) const {
        const float *rows[3];
        float padded[3][kGroup + 6] = {};
        for (int r = 0; r < 3; ++r) {
            rows[r] = input_.rows[0][r] + static_cast<ptrdiff_t>(x - 1) * 3;
            if (count == kLanes) continue;
            memcpy(padded[r], rows[r], sizeof(float) * 3 * (count + 2));
            rows[r] = padded[r];
        }
        for (int i = 0; i < kGroup; i += kLanes) {
            Floats sum = load(weights_ + kTaps * kGroup + i);
            for (int tap = 0; tap < kTaps; ++tap)
                sum += load(weights_ + tap * kGroup + i) * load(rows[tap / 3] + tap % 3 * 3 + i);
            store(sum, filtered_ + i);
        }
        int p = 0;
        for (; p + kBlockPixels <= count; p += kBlockPixels) pointwise<kBlockPixels>(x, p);
        for (; p < count; ++p) pointwise<1>(x, p);
    }

private:
    static constexpr int kGroup = 3 * kLanes;  // floats of kLanes pixels

    template <int kPixels>
    void pointwise(int x, int p) const {
        for (int o = 0; o < kFilters; o += kLanes * kBlockVectors) {
            Floats sums[kPixels][kBlockVectors];
            start_with_bias(layer_.bias + o, sums);
            accumulate(filtered_ + 3 * p, 3, layer_.weight + o, kFilters, 3, sums);
            store_relu(sums, output_ + static_cast<ptrdiff_t>(x + p) * kFilters + o);
        }
    }

    const Layer &layer_;
    const LayerInput &input_;
    float *weights_;   // (kTaps + 1, kGroup): depthwise weights and bias
    float *filtered_;  // (kLanes, 3)
    float *output_;
};

inline void image_row(const Layer &layer, const LayerInput &input, int width, float *scratch, float *output) {
    const ImageStep step(layer, input, scratch, output);
    for (int x = 0; x < width; x += kLanes) step.run(x, width - x < kLanes ? width - x : kLanes);
}

struct PlainStep {
    const Layer &layer;
    const LayerInput &input;
    Activation activation;
    float *scratch;
    float *output;

    template <int kPixels>
    void run(int x) const {
        const bool last = activation == Activation::kTanh;
        float *result = last ? scratch : output + static_cast<ptrdiff_t>(x) * kFilters;
        for (int o = 0; o < kFilters; o += kLanes * kBlockVectors) {
            Floats sums[kPixels][kBlockVectors];
            start_with_bias(layer.bias + o, sums);
            const float *weight = layer.weight + o;
            for (int tap = 0; tap < kTaps; ++tap)
                for (int source = 0; source < 2; ++source) {
                    const int channels = input.channels[source];
                    if (channels == 0) continue;
                    const float *pixel =
                        input.rows[source][tap / 3] + static_cast<ptrdiff_t>(x + tap % 3 - 1) * channels;
                    accumulate(pixel, channels, weight, kFilters, channels, sums);
                    weight += channels * kFilters;
                }
            if (!last)
                store_relu(sums, result + o);
            else
                for (int p = 0; p < kPixels; ++p)
                    for (int v = 0; v < kBlockVectors; ++v) store(sums[p][v], result + p * kFilters + o + v * kLanes);
        }
        if (last)  // 24 of the 32 padded outputs are channels of the map
            for (int p = 0; p < kPixels; ++p)
                tanh_values(layer.outputs, result + p * kFilters, output + static_cast<ptrdiff_t>(x + p) * layer.outputs);
    }
};

// Walks along a row in register blocks, then in quarters of one, then pixel by pixel; no pixel's result depends on where the
// blocks begin.
template <typename Step>
inline void walk(const Step &step, int width) {
    constexpr int kSmall = kBlockPixels / 3;
    int x = 0;
    for (; x + kBlockPixels <= width; x += kBlockPixels) step.template run<kBlockPixels>(x);
    for (; x + kSmall <= width; x += kSmall) step.template run<kSmall>(x);
    for (; x < width; ++x) step.template run<1>(x);
}

// Lanes whose index has bit kHalf clear from the first vector, the others from the second: their own, or their partner's.
template <int kHalf>
struct Own {
    static constexpr int of(int l) { return l + ((l & kHalf) ? kLanes : 0); }
};
template <int kHalf>
struct Partner {
    static constexpr int of(int l) { return (l ^ kHalf) + ((l & kHalf) ? kLanes : 0); }
};

// Sums of kLanes vectors: lane p of the result is the sum over the lanes of vectors[p]. Overwrites the vectors.
template <int kHalf = kLanes / 2>
inline Floats sums_of(Floats (&vectors)[kLanes]) {
    for (int i = 0; i < kHalf; ++i)
        vectors[i] = shuffle<Own<kHalf>>(vectors[i], vectors[i + kHalf]) +
                     shuffle<Partner<kHalf>>(vectors[i], vectors[i + kHalf]);
    if constexpr (kHalf > 1)
        return sums_of<kHalf / 2>(vectors);
    else
        return vectors[0];
}

// The last layer of Zero-DCE++: 64 filtered channels -> 3 channels of the map, as dot products.
struct MapStep {
    const Layer &layer;
    const LayerInput &input;
    const float *weights;  // (3, inputs)
    float *scratch;
    float *output;

    // kLanes pixels at a time, so that their sums are whole vectors; fewer pixels leave lanes unused.
    template <int kPixels>
    void run(int x, int count) const {
        float *filtered = scratch;
        for (int p = 0; p < count; p += kPixels) depthwise_all<kPixels>(layer, input, x + p, filtered + p * layer.inputs);
        float results[3][kLanes];
        for (int o = 0; o < 3; ++o) {
            Floats partial[kLanes];
            for (int p = 0; p < kLanes; ++p) partial[p] = Floats{};
            for (int p = 0; p < count; ++p)
                for (int c = 0; c < layer.inputs; c += kLanes)
                    partial[p] += load(filtered + p * layer.inputs + c) * load(weights + o * layer.inputs + c);
            store(tanh(sums_of(partial) + layer.bias[o]), results[o]);
        }
        for (int p = 0; p < count; ++p)
            for (int o = 0; o < 3; ++o) output[static_cast<ptrdiff_t>(x + p) * 3 + o] = results[o][p];
    }
};

inline void map_row(const Layer &layer, const LayerInput &input, int width, float *scratch, float *output) {
    float *weights = scratch;
    for (int o = 0; o < 3; ++o)
        for (int i = 0; i < layer.inputs; ++i) weights[o * layer.inputs + i] = layer.weight[i * kChannelBlock + o];
    const MapStep step = {layer, input, weights, scratch + 3 * layer.inputs, output};
    int x = 0;
    for (; x + kLanes <= width; x += kLanes) step.run<4>(x, kLanes);
    if (x < width) step.run<1>(x, width - x);
}

void separable_row(const Layer &layer, const LayerInput &input, int width, Activation activation, float *scratch,
                   float *output) {
    if (layer.inputs == 3)
        image_row(layer, input, width, scratch, output);
    else if (activation == Activation::kTanh)
        map_row(layer, input, width, scratch, output);
    else
        walk(SeparableStep{layer, input, scratch, output}, width);
}

void plain_row(const Layer &layer, const LayerInput &input, int width, Activation activation, float *scratch, float *output) {
    walk(PlainStep{layer, input, activation, scratch, output}, width);
}

// ---- resizing ----

// Channel and pixel of lane l in the kPhase-th vector of interleaved pixels.
template <int kChannels, int kPhase>
struct Interleaved {
    static constexpr int of(int l) { return (kPhase * kLanes + l) % kChannels; }
    static constexpr int pixel(int l) { return (kPhase * kLanes + l) / kChannels; }
};

// Writes vector kPhase, and those after it, of pixels start[c] + i * step[c] for i = first, first + 1, …
template <int kChannels, int kPhase = 0>
inline void store_ramp(Floats start, Floats step, int first, int floats, float *output) {
    using Lane = Interleaved<kChannels, kPhase>;
    Floats pixels;
    for (int l = 0; l < kLanes; ++l) pixels[l] = static_cast<float>(Lane::pixel(l));
    pixels += static_cast<float>(first);
    store(shuffle<Lane>(start, start) + pixels * shuffle<Lane>(step, step), output + kPhase * kLanes);
    if constexpr (kPhase + 1 < kChannels)
        if ((kPhase + 1) * kLanes < floats) store_ramp<kChannels, kPhase + 1>(start, step, first, floats, output);
}

// In runs: the pixels between two columns of the map differ in the weight alone, which grows evenly. A run is written in
// whole vectors; what it writes too much the next run overwrites.
template <int kChannels>
inline void expand_map(const float *map, ptrdiff_t map_channels, const Sample *columns, int width, PixelLayout layout,
                       float strength, float *output) {
    for (int x = 0, end = 0; x < width; x = end) {
        const Sample first = columns[x];
        while (end < width && columns[end].first == first.first) ++end;
        const float slope = end - x > 1 ? (columns[end - 1].weight - first.weight) / static_cast<float>(end - x - 1) : 0.0f;
        const float *left = map + first.first * map_channels;
        const float *right = map + first.second * map_channels;
        float start[kLanes] = {}, step[kLanes] = {};
        for (int c = 0; c < 3; ++c) {
            const float difference = strength * (right[c] - left[c]);
            start[layout.position[c]] = strength * left[c] + first.weight * difference;
            step[layout.position[c]] = slope * difference;
        }
        for (int pixel = 0; pixel < end - x; pixel += kLanes)
            store_ramp<kChannels>(load(start), load(step), pixel, (end - x - pixel) * kChannels,
                                  output + static_cast<ptrdiff_t>(x + pixel) * kChannels);
    }
}

void expand_row(const float *map, int map_channels, const Sample *columns, int width, PixelLayout layout, float strength,
                float *output) {
    for (int first = 0; first < map_channels; first += 3, output += static_cast<size_t>(width) * layout.channels) {
        if (layout.channels == 3)
            expand_map<3>(map + first, map_channels, columns, width, layout, strength, output);
        else
            expand_map<4>(map + first, map_channels, columns, width, layout, strength, output);
    }
}

// ---- the curve ----

// kVectors vectors at a time: as many as the latency of a multiply-add needs to be hidden.
template <int kVectors>
inline void curve_block(const uint8_t *source, const float *above, const float *below, float weight, int maps, ptrdiff_t count,
                        uint8_t *destination) {
    Floats x[kVectors], a[kVectors] = {};
    for (int v = 0; v < kVectors; ++v) x[v] = load_bytes(source + v * kLanes) * (1.0f / 255.0f);
    for (int n = 0; n < DCE_ITERATIONS; ++n) {
        if (n == 0 || maps > 1)
            for (int v = 0; v < kVectors; ++v) {
                const Floats from = load(above + n * count + v * kLanes);
                a[v] = from + weight * (load(below + n * count + v * kLanes) - from);
            }
        for (int v = 0; v < kVectors; ++v) x[v] += a[v] * (x[v] * x[v] - x[v]);
    }
    for (int v = 0; v < kVectors; ++v) store_bytes(x[v] * 255.0f + 0.5f, destination + v * kLanes);
}

void curve_row(const uint8_t *source, const float *above, const float *below, float weight, int maps, int count,
               uint8_t *destination) {
    constexpr int kVectors = 4;
    int i = 0;
    for (; i + kVectors * kLanes <= count; i += kVectors * kLanes)
        curve_block<kVectors>(source + i, above + i, below + i, weight, maps, count, destination + i);
    for (; i + kLanes <= count; i += kLanes)
        curve_block<1>(source + i, above + i, below + i, weight, maps, count, destination + i);
    if (i == count) return;
    // The rest in buffers of a whole vector: nothing beyond the row is read or written.
    const int rest = count - i;
    uint8_t bytes[kLanes] = {};
    float from[DCE_ITERATIONS * kLanes] = {}, to[DCE_ITERATIONS * kLanes] = {};
    memcpy(bytes, source + i, rest);
    for (int n = 0; n < maps; ++n) {
        memcpy(from + n * kLanes, above + static_cast<ptrdiff_t>(n) * count + i, sizeof(float) * rest);
        memcpy(to + n * kLanes, below + static_cast<ptrdiff_t>(n) * count + i, sizeof(float) * rest);
    }
    curve_block<1>(bytes, from, to, weight, maps, kLanes, bytes);
    memcpy(destination + i, bytes, rest);
}

}  // namespace
}  // namespace vector
}  // namespace dce

#endif
