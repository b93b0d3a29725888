// Every kernel of an instruction set against the scalar one: random and extreme inputs, every width from 1 to 200, rows
// that start at any address, and buffers that end where the next page cannot be touched.
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <initializer_list>

#include "check.h"
#include "downsample.h"
#include "instruction_set.h"
#include "kernels.h"
#include "resize.h"

namespace {

using dce::Activation;
using dce::Kernels;
using dce::Layer;
using dce::LayerInput;
using dce::Sample;

constexpr int kWidths = 200;

// Memory whose last byte is the last of a page, before one that cannot be touched.
class Guarded {
public:
    explicit Guarded(size_t capacity) {
        const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        room_ = (capacity + page - 1) / page * page;
        start_ = static_cast<uint8_t *>(
            mmap(nullptr, room_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        CHECK(start_ != MAP_FAILED);
        CHECK_EQUAL(mprotect(start_ + room_, page, PROT_NONE), 0);
    }
    Guarded(const Guarded &) = delete;
    Guarded &operator=(const Guarded &) = delete;

    // The last `count` values before the guard.
    template <typename T>
    T *last(size_t count) {
        CHECK(count * sizeof(T) <= room_);
        return reinterpret_cast<T *>(start_ + room_ - count * sizeof(T));
    }

private:
    uint8_t *start_;
    size_t room_;
};

unsigned g_state = 1;

float random_float(float from, float to) {
    return from + (to - from) * (static_cast<float>(random_u32(&g_state) >> 8) / 16777216.0f);
}

void check_close(const float *seen, const float *wanted, size_t count, float tolerance, const char *what, int width) {
    for (size_t i = 0; i < count; ++i)
        if (!(fabsf(seen[i] - wanted[i]) <= tolerance * (1.0f + fabsf(wanted[i])))) {
            fprintf(stderr, "%s, width %d: value %zu is %.9g, %.9g was wanted\n", what, width, i,
                    static_cast<double>(seen[i]), static_cast<double>(wanted[i]));
            exit(1);
        }
}

// ---- curve ----

void test_curve(const Kernels &kernels, int maps) {
    static Guarded pixels(4096), results(4096), above_memory(1 << 18), below_memory(1 << 18);
    for (int count = 1; count <= 4 * kWidths; count += count < 200 ? 1 : 37) {
        uint8_t *source = pixels.last<uint8_t>(count);
        uint8_t *destination = results.last<uint8_t>(count);
        float *above = above_memory.last<float>(static_cast<size_t>(maps) * count + dce::kExpandSlack);
        float *below = below_memory.last<float>(static_cast<size_t>(maps) * count + dce::kExpandSlack);
        static uint8_t wanted[4 * kWidths];
        for (int i = 0; i < count; ++i) source[i] = static_cast<uint8_t>(random_u32(&g_state) >> 24);
        for (int i = 0; i < maps * count; ++i) {
            const unsigned kind = random_u32(&g_state) % 8;  // now and then the ends of the range
            above[i] = dce::kByteMap * (kind == 0 ? -1.0f : kind == 1 ? 1.0f : random_float(-1.0f, 1.0f));
            below[i] = dce::kByteMap * (kind == 2 ? -1.0f : kind == 3 ? 0.0f : random_float(-1.0f, 1.0f));
        }
        for (int i = 0; i < dce::kExpandSlack; ++i) above[maps * count + i] = below[maps * count + i] = NAN;  // read, of no effect
        const float weight = count % 3 == 0 ? 0.0f : random_float(0.0f, 1.0f);
        dce::kScalarKernels.curve_row(source, above, below, weight, maps, count, wanted);
        kernels.curve_row(source, above, below, weight, maps, count, destination);
        int different = 0;
        for (int i = 0; i < count; ++i) {
            CHECK(abs(destination[i] - wanted[i]) <= 1);
            different += destination[i] != wanted[i];
        }
        CHECK(different <= 1 + count / 200);
        kernels.curve_row(source, above, below, weight, maps, count, source);  // in place
        CHECK(memcmp(source, destination, static_cast<size_t>(count)) == 0);
    }
}

// All 256 values under maps that no network gives: the result stays a byte, as the scalar kernel's does.
void test_curve_extremes(const Kernels &kernels) {
    const float extremes[] = {0.0f, 1.0f, -1.0f, 3.0f, -3.0f, 1e30f, -1e30f, INFINITY, -INFINITY, NAN};
    for (const float extreme : extremes) {
        static uint8_t source[256], seen[256], wanted[256];
        static float map[256 + dce::kExpandSlack];
        for (int i = 0; i < 256; ++i) source[i] = static_cast<uint8_t>(i), map[i] = dce::kByteMap * extreme;
        dce::kScalarKernels.curve_row(source, map, map, 0.0f, 1, 256, wanted);
        kernels.curve_row(source, map, map, 0.0f, 1, 256, seen);
        for (int i = 0; i < 256; ++i) CHECK(abs(seen[i] - wanted[i]) <= (fabsf(extreme) <= 1.0f ? 1 : 255));
        if (extreme == 0.0f) CHECK(memcmp(seen, source, 256) == 0);
        if (isnan(extreme)) CHECK(memcmp(seen, wanted, 256) == 0);
    }
}

// ---- resizing ----

const dce::PixelLayout kLayouts[] = {{3, {0, 1, 2}}, {3, {2, 1, 0}}, {4, {0, 1, 2}}, {4, {2, 1, 0}}};

void test_expand(const Kernels &kernels) {
    static Guarded memory(1 << 18), map_memory(1 << 18);
    static float wanted[8 * 4 * kWidths + dce::kExpandSlack];
    static dce::Run runs[kWidths];
    for (int width = 1; width <= kWidths; ++width)
        for (const int scale : {1, 2, 5, 12, 64})
            for (const int channels : {3, 24}) {
                const int low = dce::low_resolution(width, scale);
                const dce::PixelLayout layout = kLayouts[(width + scale) % 4];
                float *map = map_memory.last<float>(static_cast<size_t>(low) * channels);
                for (int i = 0; i < low * channels; ++i) map[i] = random_float(-1.0f, 1.0f);
                const dce::Expansion expansion = dce::upsample_row(width, low, runs);
                const size_t count = static_cast<size_t>(channels / 3) * width * layout.channels;
                float *seen = memory.last<float>(count + dce::kExpandSlack);
                const float strength = width % 2 ? 1.0f : 0.3f;
                dce::kScalarKernels.expand_row(map, channels, expansion, layout, strength, wanted);
                kernels.expand_row(map, channels, expansion, layout, strength, seen);
                check_close(seen, wanted, count, 2e-6f, "expand_row", width);
                if (layout.channels == 4)
                    for (size_t i = 3; i < count; i += 4) CHECK(seen[i] == 0.0f);
            }
}

// ---- convolutions ----

struct Problem {
    Layer layer;
    LayerInput input;
    float weights[dce::kTaps * 64 * 32 + 32], depth[dce::kTaps * 64], depth_bias[64];
    float repeated[(dce::kTaps + 1) * 3 * dce::kRepeated], transposed[3 * 64];
};

// A layer with random weights, on rows that end at a page boundary; `sources` inputs of 32 channels, or the image.
void make_problem(Problem *problem, bool separable, int inputs, int outputs, int width) {
    static Guarded rows[2][3] = {{Guarded(1 << 15), Guarded(1 << 15), Guarded(1 << 15)},
                                 {Guarded(1 << 15), Guarded(1 << 15), Guarded(1 << 15)}};
    Layer &layer = problem->layer;
    layer = Layer();
    layer.inputs = inputs;
    layer.outputs = outputs;
    const int padded = layer.padded_outputs(), taps = separable ? 1 : dce::kTaps;
    const float range = 1.0f / sqrtf(static_cast<float>(inputs * taps));
    for (int i = 0; i < taps * inputs * padded; ++i)
        problem->weights[i] = i % padded < outputs ? random_float(-range, range) : 0.0f;
    float *bias = problem->weights + taps * inputs * padded;
    for (int o = 0; o < padded; ++o) bias[o] = o < outputs ? random_float(-0.2f, 0.2f) : 0.0f;
    layer.weight = problem->weights;
    layer.bias = bias;
    if (separable) {
        for (int i = 0; i < dce::kTaps * inputs; ++i) problem->depth[i] = random_float(-0.5f, 0.5f);
        for (int i = 0; i < inputs; ++i) problem->depth_bias[i] = random_float(-0.2f, 0.2f);
        layer.depth = problem->depth;
        layer.depth_bias = problem->depth_bias;
        if (inputs == 3) dce::repeat_depth(layer, problem->repeated);
        if (outputs == 3) dce::transpose_weight(layer, problem->transposed);
        layer.repeated_depth = problem->repeated;
        layer.transposed_weight = problem->transposed;
    }
    problem->input = LayerInput();
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

void test_convolution(const Kernels &kernels, bool separable, int inputs, int outputs) {
    static Problem problem;
    static Guarded memory(1 << 15);
    static float wanted[kWidths * 32];
    alignas(64) static float scratch[dce::kScratchFloats];
    const auto scalar = separable ? dce::kScalarKernels.separable_row : dce::kScalarKernels.plain_row;
    const auto kernel = separable ? kernels.separable_row : kernels.plain_row;
    const Activation activation = outputs == 32 ? Activation::kRelu : Activation::kTanh;
    for (int width = 1; width <= kWidths; width += separable || width < 30 ? 1 : 17) {
        make_problem(&problem, separable, inputs, outputs, width);
        const size_t count = static_cast<size_t>(width) * outputs;
        float *seen = memory.last<float>(count);
        scalar(problem.layer, problem.input, width, activation, scratch, wanted);
        kernel(problem.layer, problem.input, width, activation, scratch, seen);
        check_close(seen, wanted, count, 1e-5f, separable ? "separable_row" : "plain_row", width);
    }
}

// tanh over its whole range, through a last layer whose only input is its bias.
void test_activation(const Kernels &kernels) {
    static Problem problem;
    alignas(64) static float scratch[dce::kScratchFloats];
    for (float x = -20.0f; x <= 20.0f; x += 0.0037f) {
        make_problem(&problem, true, 64, 3, 1);
        memset(problem.weights, 0, sizeof problem.weights);
        memset(problem.transposed, 0, sizeof problem.transposed);
        const_cast<float *>(problem.layer.bias)[0] = x;
        const_cast<float *>(problem.layer.bias)[1] = -1e30f;
        const_cast<float *>(problem.layer.bias)[2] = x * 1e-6f;
        float map[3];
        kernels.separable_row(problem.layer, problem.input, 1, Activation::kTanh, scratch, map);
        CHECK(fabs(map[0] - tanh(static_cast<double>(x))) < 2.5e-7);
        CHECK(map[1] == -1.0f);
        CHECK(fabs(map[2] - tanh(static_cast<double>(x * 1e-6f))) < 2.5e-7);
    }
}

void test_downsample() {
    static Guarded above_memory(4096), below_memory(4096), output_memory(4096);
    for (int size = 1; size <= kWidths; ++size)
        for (const int scale : {1, 3, 12, 64}) {
            const int low = dce::low_resolution(size, scale);
            static Sample columns[kWidths];
            for (int x = 0; x < low; ++x) columns[x] = dce::downsample_at(x, size, low);
            for (const dce::PixelLayout &layout : kLayouts) {
                const int n = layout.channels;
                uint8_t *above = above_memory.last<uint8_t>(size * n), *below = below_memory.last<uint8_t>(size * n);
                for (int i = 0; i < size * n; ++i) above[i] = static_cast<uint8_t>(i * 7), below[i] = static_cast<uint8_t>(i * 3);
                float *output = output_memory.last<float>(static_cast<size_t>(low) * 3);
                dce::downsample_row(above, below, 0.25f, layout, columns, low, output);
                for (int x = 0; x < low; ++x)
                    for (int c = 0; c < 3; ++c) {
                        const double source = fmin(fmax((x + 0.5) * size / low - 0.5, 0.0), size - 1.0);
                        const int a = static_cast<int>(source), b = a + 1 < size ? a + 1 : a, p = layout.position[c];
                        const double w = source - a;
                        const double top = above[n * a + p] * (1 - w) + above[n * b + p] * w;
                        const double bottom = below[n * a + p] * (1 - w) + below[n * b + p] * w;
                        CHECK(fabs(output[3 * x + c] - (0.75 * top + 0.25 * bottom) / 255.0) < 1e-6);
                    }
            }
        }
}

void test_kernels(const Kernels &kernels) {
    test_curve(kernels, 1);
    test_curve(kernels, DCE_ITERATIONS);
    test_curve_extremes(kernels);
    test_expand(kernels);
    for (const bool separable : {true, false}) {
        test_convolution(kernels, separable, 3, 32);
        test_convolution(kernels, separable, 32, 32);
        test_convolution(kernels, separable, 64, 32);
        test_convolution(kernels, separable, 64, separable ? 3 : 24);
    }
    test_activation(kernels);
}

}  // namespace

int main(int argc, char **argv) {
    const char *name = instruction_set_of(argc, argv, {"scalar", "avx2", "avx512", "neon"});
    setenv("DCELITE_ISA", name, 1);
    const char *requested;
    char available[64];
    const Kernels *kernels = dce::select_kernels(&requested, available, sizeof available);
    if (!kernels) test_elsewhere(argv);
    CHECK(strcmp(kernels->name, name) == 0);
    test_kernels(*kernels);
    if (kernels == &dce::kScalarKernels) test_downsample();
    return 0;
}
