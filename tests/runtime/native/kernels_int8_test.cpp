// The int8 network: an instruction set gives the scalar kernels' bits, and all processors the same ones; the reader
// refuses what could overflow.
#include <stdint.h>
#include <string.h>

#include <vector>

#include "check.h"
#include "instruction_set.h"
#include "model_bytes.h"
#include "network_int8.h"

namespace dce {
extern const Int8Kernels kAvxVnniInAvx512Kernels;  // avxvnni_in_avx512.cpp
}

namespace {

using Bytes = std::vector<uint8_t>;
using Floats = std::vector<float>;

constexpr size_t kFileSize = 14027;
constexpr int kInputs[dce::kLayers] = {3, 32, 32, 32, 64, 64, 64};

unsigned g_state = 1;

uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// Appends a convolution's weights (rows, columns), biases and multipliers, such that its results spread around `middle` for
// values around `zero`; with `extreme`, weights are at their ends and biases and multipliers at their limits.
void append(Bytes *bytes, int rows, int columns, float multiplier, float middle, int zero, bool extreme) {
    std::vector<int32_t> sums(rows);
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < columns; ++c) {
            const int weight = extreme ? (random_u32(&g_state) % 2 ? 127 : -127) : static_cast<int>(random_u32(&g_state) % 255) - 127;
            bytes->push_back(static_cast<uint8_t>(weight));
            sums[r] += weight;
        }
    const size_t start = bytes->size();
    bytes->resize(start + 8 * static_cast<size_t>(rows));
    for (int r = 0; r < rows; ++r) {
        int32_t bias = static_cast<int32_t>(middle / multiplier) - zero * sums[r];
        if (extreme && r % 3 == 0) bias = r % 2 ? 1 << 29 : -(1 << 29);
        const float own = extreme && r % 5 == 0 ? (r % 2 ? 1.0f : 0.0f) : multiplier;
        put_le32(bytes->data() + start + 4 * r, static_cast<uint32_t>(bias));
        put_le32(bytes->data() + start + 4 * (rows + r), float_bits(own));
    }
}

Bytes int8_model(bool extreme) {
    Bytes bytes(MODEL_HEADER);
    const uint32_t fields[] = {1, 1, 12, 8, 32, 3};  // Zero-DCE++, int8, scale, iterations, filters, map channels
    put_le32(bytes.data() + 8, 1);
    for (int i = 0; i < 6; ++i) put_le32(bytes.data() + 20 + 4 * i, fields[i]);
    for (int k = 0; k < dce::kLayers; ++k) {
        append(&bytes, kInputs[k], 9, 0.002f, 128.0f, 128, extreme);
        const bool last = k + 1 == dce::kLayers;
        append(&bytes, last ? 3 : 32, kInputs[k], last ? 1e-5f : k == 0 ? 0.006f : 0.002f, last ? 0.0f : 128.0f, 128, extreme);
    }
    seal_model(bytes.data(), bytes.size());
    return bytes;
}

dce_status read(const Bytes &bytes, dce::Model *model, dce::Error *error) {
    return dce::read_model(bytes.data(), bytes.size(), "file.dce", model, error);
}

struct Image {
    int width;
    Floats values;

    static void read(void *context, int y, float *row) {
        const Image &image = *static_cast<const Image *>(context);
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

// Rows `begin` to `end` of the map.
Floats map_of(const dce::Int8Kernels &kernels, const dce::Model &model, Image *image, int height, int begin, int end) {
    dce::Int8NetworkStream stream;
    const size_t stride = static_cast<size_t>(3) * image->width;
    Floats map(stride * (end - begin));
    CHECK(stream.start(kernels, model, image->width, height, begin, {Image::read, image}));
    for (int y = begin; y < end; ++y) stream.next(map.data() + stride * (y - begin));
    return map;
}

bool same(const Floats &a, const Floats &b) {
    return a.size() == b.size() && memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void test_equal_to_scalar(const dce::Int8Kernels &kernels, const dce::Model &model) {
    for (int width = 1; width <= 70; ++width) {
        const int height = 1 + width % 11;
        Image image = random_image(width, height);
        const Floats wanted = map_of(dce::kScalarInt8Kernels, model, &image, height, 0, height);
        if (!same(map_of(kernels, model, &image, height, 0, height), wanted)) {
            fprintf(stderr, "%s differs at width %d, height %d\n", kernels.name, width, height);
            exit(1);
        }
        const int middle = height / 2;
        const Floats lower = map_of(kernels, model, &image, height, middle, height);
        CHECK(memcmp(lower.data(), wanted.data() + static_cast<size_t>(3) * width * middle, lower.size() * 4) == 0);
    }
}

// The map of a fixed model and image as one number, which no processor and no compiler may change.
void test_equal_on_all_processors() {
    g_state = 12345;
    dce::Model model;
    dce::Error error;
    CHECK_EQUAL(read(int8_model(false), &model, &error), DCE_OK);
    Image image = random_image(41, 23);
    const Floats map = map_of(dce::kScalarInt8Kernels, model, &image, 23, 0, 23);
    uint32_t hash = 2166136261u;  // FNV-1a
    float least = 1.0f, most = -1.0f;
    for (const float value : map) {
        least = value < least ? value : least;
        most = value > most ? value : most;
        const uint32_t bits = float_bits(value);
        for (int i = 0; i < 4; ++i) hash = (hash ^ (bits >> 8 * i & 0xff)) * 16777619u;
    }
    CHECK(least < -0.2f && most > 0.2f);  // a map that says something
    CHECK_EQUAL(hash, 2562518656u);
}

void refuse(Bytes bytes, const char *text) {
    dce::Model model;
    dce::Error error;
    seal_model(bytes.data(), bytes.size());
    CHECK_EQUAL(read(bytes, &model, &error), DCE_ERROR_MODEL);
    if (!strstr(error.message, text)) {
        fprintf(stderr, "message '%s' lacks '%s'\n", error.message, text);
        exit(1);
    }
}

void test_refusals() {
    const Bytes good = int8_model(false);
    CHECK_EQUAL(good.size(), kFileSize);
    constexpr size_t kBias = MODEL_HEADER + 27, kMultiplier = kBias + 12;
    Bytes bytes = good;
    bytes[MODEL_HEADER + 5] = 0x80;
    refuse(bytes, "e_conv1 has a weight of -128");
    for (const uint32_t bias : {(1u << 29) + 1, 0x80000000u, 0x7fffffffu}) {
        bytes = good;
        put_le32(bytes.data() + kBias, bias);
        refuse(bytes, "e_conv1 has a bias out of range");
    }
    for (const float multiplier : {-1e-6f, 1.0001f, 1e30f}) {
        bytes = good;
        put_le32(bytes.data() + kMultiplier, float_bits(multiplier));
        refuse(bytes, "e_conv1 has a multiplier out of range");
    }
    bytes = good;
    put_le32(bytes.data() + kMultiplier, 0x7fc00000u);  // not a number
    refuse(bytes, "e_conv1 has a multiplier out of range");
    bytes = good;
    bytes.pop_back();
    refuse(bytes, "14027 were wanted");
    bytes = good;
    put_le32(bytes.data() + 20, 2);
    refuse(bytes, "int8 weights of Zero-DCE;");
}

const dce::Int8Kernels *find_kernels(const char *name) {
    unsetenv("DCELITE_ISA");
    const dce::Int8Kernels *list[8];
    const int count = dce::int8_kernels(list);
    for (int i = 0; i < count; ++i) {
        if (strcmp(list[i]->name, name) == 0) return list[i];
#if defined(DCELITE_TEST_AVXVNNI_IN_AVX512)
        if (strcmp(list[i]->name, "avx512vnni") == 0 && strcmp(name, "avxvnni_in_avx512") == 0)
            return &dce::kAvxVnniInAvx512Kernels;
#endif
    }
    return nullptr;
}

}  // namespace

int main(int argc, char **argv) {
    const dce::Int8Kernels *kernels = find_kernels(instruction_set_of(
        argc, argv, {"scalar", "avx2", "avxvnni", "avxvnni_in_avx512", "avx512vnni", "neon", "neondot"}));
    if (!kernels) test_elsewhere(argv);
    for (const bool extreme : {false, true}) {
        dce::Model model;
        dce::Error error;
        CHECK_EQUAL(read(int8_model(extreme), &model, &error), DCE_OK);
        CHECK(model.is_int8);
        CHECK_EQUAL(model.parameters, ZERODCEPP_PARAMETERS);
        test_equal_to_scalar(*kernels, model);
    }
    if (kernels == &dce::kScalarInt8Kernels) {
        test_refusals();
        test_equal_on_all_processors();
    }
    return 0;
}
