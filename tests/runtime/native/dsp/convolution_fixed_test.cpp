// FixedKernels against their definition in dsp/convolution_fixed.h, in plain loops: the same integers.
#include "dsp/kernels_test.h"

namespace {

using dce::FixedKernels;
using dce::FixedLayer;
using dce::kFilters;
using dce::kFixedMost;
using dce::kTaps;

constexpr int kRow = (kWidths + 2 + kFixedMost) * kFilters;

int random_int(int least, int most) {
    return least + static_cast<int>(random_u32(&g_random) % static_cast<unsigned>(most - least + 1));
}

int clamp(int64_t value, int least, int most) { return value < least ? least : value > most ? most : static_cast<int>(value); }

// Weights as extreme as sums allow: those of a depthwise channel are at most 3,600 in size, nine of which reach 16 bits.
void make_layer(const FixedKernels &kernels, int inputs, int outputs, FixedLayer *layer) {
    *layer = FixedLayer();
    layer->inputs = inputs;
    layer->outputs = outputs;
    layer->kept = random_int(1, kFilters);
    layer->shift = random_int(6, 14);
    for (int s = 0; s < inputs / kFilters; ++s)
        layer->used[s] = random_int(0, kFilters / kernels.input_block) * kernels.input_block;
    for (int16_t &weight : layer->depth) weight = static_cast<int16_t>(random_int(-3600, 3600));
    for (int16_t &bias : layer->depth_bias) bias = static_cast<int16_t>(random_int(-300, 300));
    const bool short_sums = kernels.sums_are_short && outputs == kFilters;
    const int most = short_sums ? 3000 : 1000;
    for (int16_t &weight : layer->point) weight = static_cast<int16_t>(random_int(-most, most));
    for (int32_t &bias : layer->bias) bias = short_sums ? random_int(-32767, 32767) : random_int(-(1 << 28), 1 << 28);
    for (float &scale : layer->scale) scale = random_float(1e3f, 1e4f) * (short_sums ? 1.0f : 16384.0f);
}

// Rows that end where the next page begins, as far as they may be read.
void make_input(int inputs, int width, dce::FixedInput *input) {
    static Guarded rows[2][3] = {{Guarded(1 << 15), Guarded(1 << 15), Guarded(1 << 15)},
                                 {Guarded(1 << 15), Guarded(1 << 15), Guarded(1 << 15)}};
    const int pixels = width < kFixedMost ? kFixedMost : width;
    *input = dce::FixedInput();
    for (int s = 0; s < inputs / kFilters; ++s)
        for (int r = 0; r < 3; ++r) {
            int16_t *row = rows[s][r].last<int16_t>(static_cast<size_t>(pixels + 2) * kFilters);
            for (int i = 0; i < (pixels + 2) * kFilters; ++i) {
                const bool inside = i >= kFilters && i < (width + 1) * kFilters;
                row[i] = static_cast<int16_t>(!inside ? 0 : random_int(0, 7) == 0 ? 32767 : random_int(0, 32767));
            }
            input->rows[s][r] = row + kFilters;
        }
}

int64_t product(int weight, int value) { return (static_cast<int64_t>(weight) * value + (1 << 14)) >> 15; }

// The sum of output `o` at column x.
int64_t sum_at(const FixedKernels &kernels, const FixedLayer &layer, const dce::FixedInput &input, int x, int o) {
    int64_t sum = layer.bias[o];
    int row = 0;
    for (int c = 0; c < layer.inputs; ++c) {
        if (c % kFilters >= layer.used[c / kFilters]) continue;
        int64_t depth = layer.depth_bias[c];
        for (int tap = 0; tap < kTaps; ++tap)
            depth += product(layer.depth[tap * layer.inputs + c],
                             input.rows[c / kFilters][tap / 3][(x + tap % 3 - 1) * kFilters + c % kFilters]);
        CHECK(depth >= -32768 && depth <= 32767);
        const int padded = layer.padded_outputs();
        const int value = static_cast<int>(depth);
        if (kernels.sums_are_short && layer.outputs == kFilters)
            sum = clamp(sum + product(layer.point[row * padded + o], value), -32768, 32767);
        else
            sum += static_cast<int64_t>(
                       layer.point[kernels.sums_are_short ? row * padded + o : (row / 2 * padded + o) * 2 + row % 2]) *
                   value;
        ++row;
    }
    CHECK(sum >= INT32_MIN && sum <= INT32_MAX);
    return sum;
}

void test_hidden(const FixedKernels &kernels, int inputs) {
    static FixedLayer layer;
    alignas(64) static int16_t scratch[dce::kFixedScratch], seen[kRow];
    dce::FixedInput input;
    for (int width = 1; width <= kWidths; width += 1 + width / 20) {
        make_layer(kernels, inputs, kFilters, &layer);
        make_input(inputs, width, &input);
        const int16_t behind = 12345;
        seen[width * kFilters] = seen[width * kFilters + kFilters - 1] = behind;
        kernels.hidden_row(layer, layer.bias, input, width, scratch, seen);
        if (width >= kFixedMost) CHECK(seen[width * kFilters] == behind && seen[width * kFilters + kFilters - 1] == behind);
        for (int x = 0; x < width; ++x)
            for (int o = 0; o < layer.kept; ++o) {
                const int64_t sum = sum_at(kernels, layer, input, x, o);
                CHECK_EQUAL(seen[x * kFilters + o], clamp(kernels.sums_are_short ? sum : sum >> layer.shift, 0, 32767));
            }
        if (width > kWidths * 9 / 10) {
            layer.kept = layer.used[0] = kFilters;
            layer.used[1] = inputs > kFilters ? kFilters : 0;
            time_kernel(inputs == kFilters ? "fixed, 32 channels" : "fixed, 64 channels", width,
                        [&] { kernels.hidden_row(layer, layer.bias, input, width, scratch, seen); });
        }
    }
}

void test_map(const FixedKernels &kernels) {
    static FixedLayer layer;
    static Guarded memory(1 << 12);
    alignas(64) static int16_t scratch[dce::kFixedScratch];
    alignas(64) static int32_t sums[3 * (kWidths + kFixedMost) + 16];
    dce::FixedInput input;
    for (int width = 1; width <= kWidths; width += 1 + width / 20) {
        make_layer(kernels, 2 * kFilters, 3, &layer);
        make_input(2 * kFilters, width, &input);
        float *map = memory.last<float>(3 * static_cast<size_t>(width));
        kernels.map_row(layer, input, width, scratch, sums, map);
        for (int x = 0; x < width; ++x)
            for (int o = 0; o < 3; ++o) {
                const double sum = static_cast<double>(sum_at(kernels, layer, input, x, o));
                CHECK(fabs(static_cast<double>(map[3 * x + o]) - tanh(sum / static_cast<double>(layer.scale[o]))) < 1e-6);
            }
    }
}

void test_narrow(const FixedKernels &kernels) {
    static Guarded memory(1 << 15), outputs(1 << 15);
    float scale[kFilters];
    for (float &value : scale) value = random_float(0.5f, 100.0f);
    for (int width = 1; width <= 40; ++width) {
        const size_t count = static_cast<size_t>(width) * kFilters;
        float *values = memory.last<float>(count);
        int16_t *seen = outputs.last<int16_t>(count);
        for (size_t i = 0; i < count; ++i) values[i] = i % 7 == 0 ? 0.0f : i % 11 == 0 ? 1e9f : random_float(0.0f, 1000.0f);
        kernels.narrow_row(values, scale, width, seen);
        for (size_t i = 0; i < count; ++i) CHECK_EQUAL(seen[i], clamp(llrintf(values[i] * scale[i % kFilters]), 0, 32767));
    }
}

}  // namespace

void test_convolution_fixed(const dce::Dsp &dsp) {
    const FixedKernels &kernels = *dsp.convolution_fixed;
    if (!kernels.hidden_row) return;  // those of floats serve
    test_narrow(kernels);
    test_hidden(kernels, kFilters);
    test_hidden(kernels, 2 * kFilters);
    test_map(kernels);
}
