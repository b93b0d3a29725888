// Int8Kernels against the scalar ones: the same bits. network_test.cpp has whole networks of extreme weights.
#include "dsp/kernels_test.h"

namespace {

using dce::Int8Kernels;

constexpr int kMost = 2 * dce::kFilters;

struct Problem {
    dce::Int8Layer layer;
    dce::Int8Values values;
    int32_t integers[8192];
    float multipliers[256];
    dce::Int8Input input;
};

// Weights such that sums of random values spread over the range of a byte, and beyond.
void fill(int rows, int columns, float multiplier, int8_t *weights, int32_t *biases, float *multipliers) {
    for (int r = 0; r < rows; ++r) {
        int32_t sum = 0;
        for (int c = 0; c < columns; ++c) {
            const int weight = static_cast<int>(random_u32(&g_random) % 255) - 127;
            weights[r * columns + c] = static_cast<int8_t>(weight);
            sum += weight;
        }
        biases[r] = static_cast<int32_t>(128.0f / multiplier) - 128 * sum;
        multipliers[r] = multiplier * random_float(0.5f, 1.5f);
    }
}

void make_layer(Problem *problem, int inputs, int outputs) {
    dce::Int8Values &values = problem->values;
    problem->layer = dce::Int8Layer();
    problem->layer.inputs = inputs;
    problem->layer.outputs = outputs;
    fill(inputs, dce::kTaps, 0.004f, values.depth, values.depth_bias, values.depth_multiplier);
    fill(outputs, inputs, outputs == 3 ? 1e-5f : 0.004f, values.point, values.bias, values.multiplier);
    CHECK(dce::packed_integers(problem->layer) * sizeof(int32_t) <= sizeof problem->integers);
    CHECK(dce::packed_multipliers(problem->layer) * sizeof(float) <= sizeof problem->multipliers);
    memset(problem->integers, 0, sizeof problem->integers);
    memset(problem->multipliers, 0, sizeof problem->multipliers);
    dce::pack_layer(values, problem->integers, problem->multipliers, &problem->layer);
}

constexpr size_t pair_words(int width) { return static_cast<size_t>(width + 1) / 2 * dce::kPairWords; }

// Rows of the image, or of pairs, that end where the next page begins.
void make_input(Problem *problem, int inputs, int width) {
    static Guarded rows[2][3] = {{Guarded(1 << 15), Guarded(1 << 15), Guarded(1 << 15)},
                                 {Guarded(1 << 15), Guarded(1 << 15), Guarded(1 << 15)}};
    const size_t words = inputs == 3 ? 3 * static_cast<size_t>(width + 2) + dce::kInt8Slack : pair_words(width);
    problem->input = dce::Int8Input();
    for (int s = 0; s < (inputs == kMost ? 2 : 1); ++s)
        for (int r = 0; r < 3; ++r) {
            int32_t *row = rows[s][r].last<int32_t>(words);
            memset(row, 0, words * sizeof(int32_t));
            problem->input.rows[s][r] = inputs == 3 ? row + 3 : row;
            for (int x = 0; x < width; ++x)
                for (int c = 0; c < (inputs == 3 ? 3 : dce::kFilters); ++c) {
                    const uint32_t value = random_byte();
                    if (inputs == 3) {
                        row[3 * (x + 1) + c] = static_cast<int32_t>(value);
                        continue;
                    }
                    uint32_t *pair = reinterpret_cast<uint32_t *>(row) + x / 2 * dce::kPairWords + c;
                    *pair |= value << (x % 2 ? 16 : 8);
                    if (x % 2 == 0 && x > 0) pair[-dce::kPairWords] |= value << 24;
                    if (x % 2 == 1 && x + 1 < width) pair[dce::kPairWords] |= value;
                }
        }
}

// Rows of pairs as the kernels keep them, or back.
void mask_row(int32_t mask, size_t words, int32_t *row) {
    for (size_t i = 0; i < words; ++i) row[i] ^= mask;
}

void mask_input(int32_t mask, int width, Problem *problem) {
    for (auto &source : problem->input.rows)
        for (const int32_t *row : source)
            if (row) mask_row(mask, pair_words(width), const_cast<int32_t *>(row));
}

void test_features(const Int8Kernels &kernels, int inputs, const char *name) {
    static Problem problem;
    static Guarded memory(1 << 15);
    static int32_t wanted[(kWidths + 1) / 2 * dce::kPairWords];
    alignas(64) static uint8_t scratch[dce::kInt8ScratchBytes];
    const Int8Kernels &reference = *scalar_dsp().convolution_int8;
    const auto scalar = inputs == 3 ? reference.image_row : reference.hidden_row;
    const auto kernel = inputs == 3 ? kernels.image_row : kernels.hidden_row;
    for (int width = 1; width <= kWidths; ++width) {
        make_layer(&problem, inputs, dce::kFilters);
        make_input(&problem, inputs, width);
        int32_t *seen = memory.last<int32_t>(pair_words(width));
        memset(seen, 0x55, pair_words(width) * sizeof(int32_t));
        scalar(problem.layer, problem.input, width, scratch, wanted);
        if (inputs != 3) mask_input(kernels.mask, width, &problem);
        kernel(problem.layer, problem.input, width, scratch, seen);
        mask_row(kernels.mask, pair_words(width), seen);
        if (memcmp(seen, wanted, pair_words(width) * sizeof(int32_t)) != 0) {
            fprintf(stderr, "%s differs at width %d\n", name, width);
            exit(1);
        }
        if (width == kWidths) time_kernel(name, width, [&] { kernel(problem.layer, problem.input, width, scratch, seen); });
    }
}

void test_map(const Int8Kernels &kernels) {
    static Problem problem;
    static Guarded memory(1 << 15), sums_memory(1 << 15);
    static float wanted[3 * kWidths];
    alignas(64) static uint8_t scratch[dce::kInt8ScratchBytes];
    for (int width = 1; width <= kWidths; ++width) {
        make_layer(&problem, kMost, 3);
        make_input(&problem, kMost, width);
        const size_t count = 3 * static_cast<size_t>(width);
        float *seen = memory.last<float>(count);
        int32_t *sums = sums_memory.last<int32_t>(dce::int8_sums(width));
        scalar_dsp().convolution_int8->map_row(problem.layer, problem.input, width, scratch, sums, wanted);
        mask_input(kernels.mask, width, &problem);
        kernels.map_row(problem.layer, problem.input, width, scratch, sums, seen);
        CHECK(memcmp(seen, wanted, count * sizeof(float)) == 0);
        if (width == kWidths)
            time_kernel("map_row", width, [&] { kernels.map_row(problem.layer, problem.input, width, scratch, sums, seen); });
    }
}

}  // namespace

void test_convolution_int8(const dce::Dsp &dsp) {
    test_features(*dsp.convolution_int8, 3, "image_row");
    test_features(*dsp.convolution_int8, dce::kFilters, "hidden_row, 32 channels");
    test_features(*dsp.convolution_int8, kMost, "hidden_row, 64 channels");
    test_map(*dsp.convolution_int8);
}
