// The network of every precision as a stream of rows: where streams begin and what they take from each other changes no bit;
// in int8, neither does the instruction set, nor the processor. In fixed point, its map is close to that of floats, and no sum
// overflows, whatever the picture.
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "dsp/instruction_set.h"
#include "int8_model.h"
#include "network/fixed_model.h"
#include "network/network.h"

namespace {

using Floats = std::vector<float>;

unsigned g_state = 1;

void read(const Bytes &bytes, dce::Model *model) {
    dce::Error error;
    CHECK_EQUAL(dce::read_model(bytes.data(), bytes.size(), "file.dce", model, &error), DCE_OK);
}

struct Image {
    int width;
    Floats values;
    int rows_read = 0;

    static void read(void *context, int y, float *row) {
        Image &image = *static_cast<Image *>(context);
        ++image.rows_read;
        memcpy(row, image.values.data() + static_cast<size_t>(3) * image.width * y, sizeof(float) * 3 * image.width);
    }
};

Image random_image(int width, int height) {
    Image image{width, Floats(static_cast<size_t>(3) * width * height)};
    for (float &value : image.values) {
        const unsigned number = random_u32(&g_state);
        value = number % 16 == 0 ? 0.0f : number % 16 == 1 ? 1.0f : static_cast<float>(number >> 8) / 16777216.0f;
    }
    return image;
}

// Rows `begin` to `end` - 1 of the map, from a stream that has been started there.
Floats rows_of(dce::CurveNetwork *network, const dce::Model &model, int width, int begin, int end) {
    const size_t stride = static_cast<size_t>(model.map_channels) * width;
    Floats map(stride * (end - begin));
    for (int y = begin; y < end; ++y) network->next(map.data() + stride * (y - begin));
    return map;
}

// The scene of the whole image, its rows counted in two parts.
struct SceneOf : dce::Scene {
    SceneOf(const dce::Model &model, const Image &image, int height) : Scene(model) {
        dce::SceneCounts counts, others;
        counts.clear();
        others.clear();
        for (int y = 0; y < height; ++y)
            (y % 3 ? counts : others).add_row(image.values.data() + static_cast<size_t>(3) * image.width * y, image.width);
        counts.add(others);
        CHECK(prepare());
        if (is_used()) set(counts);
    }
};

Floats map_of(const dce::Dsp &dsp, const dce::Model &model, Image *image, int height, int begin, int end) {
    dce::CurveNetwork network;
    const SceneOf scene(model, *image, height);
    CHECK(network.start(dsp, model, scene, image->width, height, begin, {Image::read, image}));
    return rows_of(&network, model, image->width, begin, end);
}

void check_same(const Floats &seen, const Floats &wanted, size_t first, const char *what, int width, int height) {
    if (memcmp(seen.data(), wanted.data() + first, seen.size() * sizeof(float)) == 0) return;
    fprintf(stderr, "%s differs at width %d, height %d\n", what, width, height);
    exit(1);
}

void test_int8_equals_scalar(const dce::Dsp &dsp, const dce::Model &model) {
    for (int width = 1; width <= 70; ++width) {
        const int height = 1 + width % 11;
        Image image = random_image(width, height);
        const Floats wanted = map_of(*dce::all_dsp().last, model, &image, height, 0, height);
        const Floats seen = map_of(dsp, model, &image, height, 0, height);
        CHECK_EQUAL(seen.size(), wanted.size());
        check_same(seen, wanted, 0, dsp.name, width, height);
    }
}

// The upper one of two streams takes what the lower one has, and then reads less of the image.
void test_streams(const dce::Dsp &dsp, const dce::Model &model, int most) {
    for (int width = 1; width <= most; width += 1 + width / 3) {
        const int height = 4 + (7 * width) % 41, middle = height / 2;
        Image image = random_image(width, height);
        const size_t stride = static_cast<size_t>(model.map_channels) * width;
        const Floats wanted = map_of(dsp, model, &image, height, 0, height);
        check_same(map_of(dsp, model, &image, height, middle, height), wanted, stride * middle, "the lower half", width, height);
        image.rows_read = 0;
        check_same(map_of(dsp, model, &image, height, 0, middle + 1), wanted, 0, "the upper half", width, height);
        const int rows_alone = image.rows_read;

        dce::CurveNetwork upper, lower;
        const SceneOf scene(model, image, height);
        for (dce::CurveNetwork *network : {&upper, &lower})
            CHECK(network->start(dsp, model, scene, width, height, network == &upper ? 0 : middle, {Image::read, &image}));
        upper.take_from(&lower);
        check_same(rows_of(&lower, model, width, middle, height), wanted, stride * middle, "what is shared", width, height);
        image.rows_read = 0;
        check_same(rows_of(&upper, model, width, 0, middle + 1), wanted, 0, "what takes shared rows", width, height);
        CHECK_EQUAL(rows_alone, height < middle + dce::kHalo + 1 ? height : middle + dce::kHalo + 1);
        CHECK(image.rows_read < rows_alone);
        CHECK(image.rows_read <= middle + 1);
    }
}

// The map of a fixed model and image as one number, which no processor and no compiler may change.
void test_equal_on_all_processors(bool scene, uint32_t wanted) {
    g_state = 12345;
    dce::Model model;
    read(int8_model(false, &g_state, scene), &model);
    Image image = random_image(41, 23);
    const Floats map = map_of(*dce::all_dsp().last, model, &image, 23, 0, 23);
    uint32_t hash = 2166136261u;  // FNV-1a
    float least = 1.0f, most = -1.0f;
    for (const float value : map) {
        least = value < least ? value : least;
        most = value > most ? value : most;
        const uint32_t bits = float_bits(value);
        for (int i = 0; i < 4; ++i) hash = (hash ^ (bits >> 8 * i & 0xff)) * 16777619u;
    }
    CHECK(least < -0.2f && most > 0.2f);  // a map that says something
    CHECK_EQUAL(hash, wanted);
}

int64_t product(int weight, int value) { return (static_cast<int64_t>(weight) * value + (1 << 14)) >> 15; }

// What inputs of 0 … 32767 can make of a layer's sums, before any is computed.
void check_reach(const dce::FixedKernels &kernels, const dce::FixedLayer &layer) {
    const int padded = layer.padded_outputs();
    for (int o = 0; o < layer.outputs; ++o) {
        int64_t low = layer.bias[o], high = low;
        int row = 0;
        for (int c = 0; c < layer.inputs; ++c) {
            if (c % dce::kFilters >= layer.used[c / dce::kFilters]) continue;
            int64_t least = layer.depth_bias[c], most = least;
            for (int tap = 0; tap < dce::kTaps; ++tap) {
                const int64_t change = product(layer.depth[tap * layer.inputs + c], 32767);
                (change < 0 ? least : most) += change;
            }
            CHECK(least >= -32768 && most <= 32767);
            const int64_t weight = layer.point[kernels.sums_are_short ? row * padded + o : (row / 2 * padded + o) * 2 + row % 2];
            low += weight * (weight < 0 ? most : least);
            high += weight * (weight < 0 ? least : most);
            ++row;
        }
        CHECK((kernels.sums_are_short && layer.outputs == dce::kFilters) || (low >= INT32_MIN && high <= INT32_MAX));
    }
}

// `gain` makes all weights larger: of a network that loses the signal, one that keeps it.
void test_fixed(const dce::Dsp &dsp, float gain, float tolerance, dce::Model *model) {
    if (!dce::has_fixed_kernels(dsp, *model)) return;
    const dce::Layer &last = model->layers[dce::kLayers - 1];  // whose weights stand last, before the scene head
    for (float *value = model->floats.data(); value < last.transposed_weight + 3 * last.inputs; ++value) *value *= gain;
    Image image = random_image(61, 23);
    model->is_fixed = false;
    const Floats wanted = map_of(dsp, *model, &image, 23, 0, 23);
    CHECK(dce::fix_model(dsp, model));
    model->is_fixed = true;  // whether it is worth it or not
    const Floats seen = map_of(dsp, *model, &image, 23, 0, 23);
    float largest = 0.0f;
    for (size_t i = 0; i < wanted.size(); ++i) largest = fmaxf(largest, fabsf(seen[i] - wanted[i]));
    if (!(largest < tolerance)) {
        fprintf(stderr, "%s: a map in fixed point is off by %g\n", dsp.name, static_cast<double>(largest));
        exit(1);
    }
    for (int i = 1; i < dce::kLayers; ++i) check_reach(*dsp.convolution_fixed, model->fixed_layers[i]);
    if (gain > 1.0f) test_streams(dsp, *model, 40);
}

// What docs/control.md says of the shipped weights.
void test_what_is_left_of_the_shipped_network(const dce::Dsp &dsp) {
    dce::Model model;
    read(Bytes(dce::kDefaultModel, dce::kDefaultModel + dce::kDefaultModelSize), &model);
    if (!dce::has_fixed_kernels(dsp, model)) return;
    CHECK(dce::fix_model(dsp, &model));
    CHECK(model.is_fixed);
    for (const int layer : {2, 3, 4, 5}) CHECK_EQUAL(model.fixed_layers[layer - 1].kept, 0);
    for (const int layer : {1, 6}) CHECK(model.fixed_layers[layer - 1].kept <= dce::kFilters / 2);
}

}  // namespace

int main(int argc, char **argv) {
    const dce::Dsp &dsp = dsp_of_arguments(argc, argv);
    for (const bool scene : {false, true})
        for (const bool extreme : {false, true}) {
            dce::Model model;
            read(int8_model(extreme, &g_state, scene), &model);
            CHECK(model.is_int8);
            CHECK_EQUAL(model.has_scene(), scene);
            CHECK_EQUAL(model.parameters, ZERODCEPP_PARAMETERS + (scene ? SCENE_PARAMETERS : 0));
            test_int8_equals_scalar(dsp, model);
            test_streams(dsp, model, 40);
        }
    for (const uint32_t architecture :
         {DCE_ARCHITECTURE_ZERODCEPP, DCE_ARCHITECTURE_ZERODCE, DCE_ARCHITECTURE_ZERODCEPP_SCENE}) {
        dce::Model model;
        Bytes bytes(LARGEST_MODEL);
        bytes.resize(make_model(bytes.data(), architecture, 12));
        read(bytes, &model);
        test_streams(dsp, model, architecture == DCE_ARCHITECTURE_ZERODCE ? 4 : 40);
        for (const float gain : {1.0f, 4.0f}) test_fixed(dsp, gain, gain > 1.0f ? 0.05f : 0.001f, &model);
    }
    test_what_is_left_of_the_shipped_network(dsp);
    if (&dsp != dce::all_dsp().last) return 0;
    test_equal_on_all_processors(false, 2562518656u);
    test_equal_on_all_processors(true, 728232889u);
    return 0;
}
