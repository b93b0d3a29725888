// ConvolutionKernels against the scalar ones, and tanh against that of libm.
#include <vector>

#include "dsp/kernels_test.h"
#include "memory.h"

namespace {

using dce::Activation;
using dce::ConvolutionKernels;

struct Problem {
    dce::Layer layer;
    dce::LayerInput input;
    std::vector<float> values;  // of the layer, as a model has them
    dce::Buffer<float> memory;
};

void append(std::vector<float> *values, int count, float range) {
    for (int i = 0; i < count; ++i) values->push_back(random_float(-range, range));
}

void pack(Problem *problem, bool separable) {
    const size_t count = dce::packed_floats(problem->layer, separable);
    CHECK(problem->memory.reserve(count));
    memset(problem->memory.data(), 0, count * sizeof(float));
    CHECK_EQUAL(problem->values.size(), dce::layer_parameters(problem->layer, separable));
    dce::pack_layer(problem->values.data(), separable, problem->memory.data(), &problem->layer);
}

// A layer with random weights, on rows that end at a page boundary: of one source of 32 channels, of two, or of the image.
void make_problem(Problem *problem, bool separable, int inputs, int outputs, int width) {
    static Guarded rows[2][3] = {{Guarded(1 << 15), Guarded(1 << 15), Guarded(1 << 15)},
                                 {Guarded(1 << 15), Guarded(1 << 15), Guarded(1 << 15)}};
    const int taps = separable ? 1 : dce::kTaps;
    problem->layer = dce::Layer();
    problem->layer.inputs = inputs;
    problem->layer.outputs = outputs;
    problem->values.clear();
    if (separable) {
        append(&problem->values, inputs * dce::kTaps, 0.5f);
        append(&problem->values, inputs, 0.2f);
    }
    append(&problem->values, outputs * inputs * taps, 1.0f / sqrtf(static_cast<float>(inputs * taps)));
    append(&problem->values, outputs, 0.2f);
    pack(problem, separable);
    problem->input = dce::LayerInput();
    for (int s = 0; s < (inputs == 64 ? 2 : 1); ++s) {
        const int channels = inputs == 64 ? 32 : inputs;
        problem->input.channels[s] = channels;
        const size_t count = static_cast<size_t>(width + 2) * channels;
        for (int r = 0; r < 3; ++r) {
            float *row = rows[s][r].last<float>(count);
            memset(row, 0, count * sizeof(float));
            for (int i = 0; i < width * channels; ++i) row[channels + i] = random_float(-1.0f, 1.0f);
            problem->input.rows[s][r] = row + channels;
        }
    }
}

void test_layer(const ConvolutionKernels &kernels, bool separable, int inputs, int outputs, const char *name) {
    static Problem problem;
    static Guarded memory(1 << 15);
    static float wanted[kWidths * 32];
    alignas(64) static float scratch[dce::kScratchFloats];
    const ConvolutionKernels &reference = *scalar_dsp().convolution;
    const auto scalar = separable ? reference.separable_row : reference.plain_row;
    const auto kernel = separable ? kernels.separable_row : kernels.plain_row;
    const Activation activation = outputs == 32 ? Activation::kRelu : Activation::kTanh;
    for (int width = 1; width <= kWidths; width += separable || width < 30 ? 1 : 17) {
        make_problem(&problem, separable, inputs, outputs, width);
        const size_t count = static_cast<size_t>(width) * outputs;
        float *seen = memory.last<float>(count);
        scalar(problem.layer, problem.input, width, activation, scratch, wanted);
        kernel(problem.layer, problem.input, width, activation, scratch, seen);
        check_close(seen, wanted, count, 1e-5f, name, width);
        if (width + 17 > kWidths && (!separable || width == kWidths))
            time_kernel(name, width, [&] { kernel(problem.layer, problem.input, width, activation, scratch, seen); });
    }
}

// tanh over its whole range, through a last layer whose only input is its bias.
void test_activation(const ConvolutionKernels &kernels) {
    static Problem problem;
    alignas(64) static float scratch[dce::kScratchFloats];
    for (float x = -20.0f; x <= 20.0f; x += 0.0037f) {
        make_problem(&problem, true, 64, 3, 1);
        float *bias = problem.values.data() + problem.values.size() - 3;
        for (float *weight = bias - 3 * 64; weight < bias; ++weight) *weight = 0.0f;
        bias[0] = x;
        bias[1] = -1e30f;
        bias[2] = x * 1e-6f;
        pack(&problem, true);
        float map[3];
        kernels.separable_row(problem.layer, problem.input, 1, Activation::kTanh, scratch, map);
        CHECK(fabs(map[0] - tanh(static_cast<double>(x))) < 2.5e-7);
        CHECK(map[1] == -1.0f);
        CHECK(fabs(map[2] - tanh(static_cast<double>(x * 1e-6f))) < 2.5e-7);
    }
}

}  // namespace

void test_convolution(const dce::Dsp &dsp) {
    test_layer(*dsp.convolution, true, 3, 32, "separable_row, image");
    test_layer(*dsp.convolution, true, 32, 32, "separable_row, 32 channels");
    test_layer(*dsp.convolution, true, 64, 32, "separable_row, 64 channels");
    test_layer(*dsp.convolution, true, 64, 3, "separable_row, map");
    test_layer(*dsp.convolution, false, 3, 32, "plain_row, image");
    test_layer(*dsp.convolution, false, 32, 32, "plain_row, 32 channels");
    test_layer(*dsp.convolution, false, 64, 32, "plain_row, 64 channels");
    test_layer(*dsp.convolution, false, 64, 24, "plain_row, map");
    test_activation(*dsp.convolution);
}
