// FloatCurveKernels against the same in double precision.
#include <initializer_list>

#include "dsp/resize.h"
#include "dsp/kernels_test.h"

namespace {

using dce::FloatCurveKernels;
using dce::MapRows;
using dce::PixelPlanes;
using dce::Samples;
using dce::YuvMatrix;
using dce::YuvRow;

constexpr int kMost = 700;  // pixels: more than a block

template <typename T>
T *guarded(int slot, size_t count) {
    static Guarded memory[8] = {Guarded(1 << 18), Guarded(1 << 18), Guarded(1 << 18), Guarded(1 << 18),
                                Guarded(1 << 18), Guarded(1 << 18), Guarded(1 << 18), Guarded(1 << 18)};
    return memory[slot].last<T>(count);
}

// `maps` rows of `count` values, in memory with the slack that the kernels may read; now and then the ends of the range.
const float *random_map(int slot, int maps, int count) {
    const size_t size = static_cast<size_t>(maps) * count;
    float *map = guarded<float>(slot, size + dce::kExpandSlack);
    for (size_t i = 0; i < size; ++i) {
        const unsigned kind = random_u32(&g_random) % 16;
        map[i] = kind == 0 ? -1.0f : kind == 1 ? 1.0f : static_cast<float>(random_u32(&g_random) >> 8) / 8388608.0f - 1.0f;
    }
    return map;
}

double curve(double value, const MapRows &map, int i, int stride) {
    if (!(value > 0.0 && value < 1.0)) return value;
    for (int n = 0; n < DCE_ITERATIONS; ++n) {
        const int k = map.maps > 1 ? n * stride + i : i;
        const double a = map.above[k] + map.weight * (static_cast<double>(map.below[k]) - map.above[k]);
        value += a * (value * value - value);
    }
    return value;
}

double to_range(double value, double largest) { return value < 0.0 ? 0.0 : value > largest ? largest : floor(value + 0.5); }

struct Counter {
    int seen = 0, different = 0, largest = 0;

    void add(int value, double wanted) {
        const int difference = abs(value - static_cast<int>(wanted));
        ++seen;
        different += difference > 0;
        if (difference > largest) largest = difference;
    }
};

void test_16_bit(const FloatCurveKernels &kernels, int maps) {
    Counter counter;
    for (int width = 1; width <= kMost; width += width < 200 ? 1 : 97) {
        const int count = 3 * width;
        uint16_t *source = guarded<uint16_t>(0, count), *destination = guarded<uint16_t>(1, count);
        for (int i = 0; i < count; ++i)
            source[i] = static_cast<uint16_t>(i % 50 == 0 ? 65535 : i % 50 == 1 ? 0 : random_u32(&g_random) >> 16);
        const MapRows map = {random_map(2, maps, count), random_map(3, maps, count), width % 3 ? 0.37f : 0.0f, maps};
        const PixelPlanes words = {nullptr, 0, source, 3, {}, {}};
        kernels.curve_to_rgb16_row(words, map, width, 3, nullptr, destination);
        for (int i = 0; i < count; ++i)
            counter.add(destination[i], to_range(65535.0 * curve(source[i] / 65535.0, map, i % 3 * width + i / 3, count), 65535.0));
        // With alpha, that of the source and none, and in place.
        uint16_t *pixels = guarded<uint16_t>(4, 4 * static_cast<size_t>(width));
        uint16_t *result = guarded<uint16_t>(5, 4 * static_cast<size_t>(width));
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < 3; ++c) pixels[4 * x + c] = source[3 * x + c];
            pixels[4 * x + 3] = static_cast<uint16_t>(251 * x);
        }
        const PixelPlanes with_alpha = {nullptr, 0, pixels, 4, {}, {}};
        kernels.curve_to_rgb16_row(words, map, width, 4, nullptr, result);
        for (int x = 0; x < width; ++x) CHECK_EQUAL(result[4 * x + 3], 65535);
        kernels.curve_to_rgb16_row(with_alpha, map, width, 4, pixels + 3, result);
        if (width + 97 > kMost)
            time_kernel(maps == 1 ? "curve_to_rgb16_row with alpha, 1 map" : "curve_to_rgb16_row with alpha, 8 maps", width,
                        [&] { kernels.curve_to_rgb16_row(with_alpha, map, width, 4, pixels + 3, result); });
        kernels.curve_to_rgb16_row(with_alpha, map, width, 4, pixels + 3, pixels);
        for (int x = 0; x < width; ++x) {
            CHECK(memcmp(result + 4 * x, destination + 3 * x, 3 * sizeof(uint16_t)) == 0);
            CHECK_EQUAL(result[4 * x + 3], static_cast<uint16_t>(251 * x));
        }
        CHECK(memcmp(result, pixels, 4 * sizeof(uint16_t) * static_cast<size_t>(width)) == 0);
        kernels.curve_to_rgb16_row(words, map, width, 3, nullptr, source);
        CHECK(memcmp(source, destination, sizeof(uint16_t) * count) == 0);
        if (width + 97 > kMost)
            time_kernel(maps == 1 ? "curve_to_rgb16_row, 1 map" : "curve_to_rgb16_row, 8 maps", width,
                        [&] { kernels.curve_to_rgb16_row(words, map, width, 3, nullptr, destination); });
    }
    CHECK(counter.largest <= 2);
    CHECK(counter.different <= counter.seen / 50);
}

struct Rgb {
    double values[3];
};

int code_at(const uint8_t *samples, int i, Samples kind) {
    if (!kind.are_words) return samples[i];
    const int code = reinterpret_cast<const uint16_t *>(samples)[i] >> kind.shift;
    return code < 1023 ? code : 1023;
}

Rgb rgb_of(const YuvRow &row, const YuvMatrix &matrix, int x) {
    const Samples kind = row.samples;
    const double luma = (code_at(row.luma, x, kind) - static_cast<double>(matrix.luma_offset)) / matrix.luma_codes;
    const double middle = static_cast<double>(matrix.chroma_offset);
    const double u = code_at(row.u, x / 2 * row.step, kind) - middle, v = code_at(row.v, x / 2 * row.step, kind) - middle;
    return {{luma + matrix.red_v * v, luma + matrix.green_u * u + matrix.green_v * v, luma + matrix.blue_u * u}};
}

// Two rows of luma over one of chroma, as the pipeline calls the kernels; `rows` 1: the last one of an odd height.
void test_yuv(const FloatCurveKernels &kernels, Samples kind, int maps, int step, int rows) {
    Counter luma_counter, chroma_counter, rgb_counter;
    const double largest = (1 << kind.bits()) - 1;
    const auto sample = [&](const uint8_t *samples, int i) {  // that was written: without other bits
        if (!kind.are_words) return static_cast<int>(samples[i]);
        const int word = reinterpret_cast<const uint16_t *>(samples)[i];
        CHECK_EQUAL(word >> kind.shift << kind.shift, word);
        return word >> kind.shift;
    };
    for (int width = 1; width <= kMost; width += width < 200 ? 1 : 97) {
        const int chroma = (width + 1) / 2, chroma_bytes = ((chroma - 1) * step + 1) * kind.bytes();
        const double white = width % 5 == 0 ? 0.75 : 1.0;
        const YuvMatrix matrix = dce::yuv_matrix(width % 6, kind.bits(), 1.0 / white);
        const size_t luma_bytes = static_cast<size_t>(width) * static_cast<size_t>(kind.bytes());
        YuvRow row = {guarded<uint8_t>(0, luma_bytes), guarded<uint8_t>(1, chroma_bytes), guarded<uint8_t>(4, chroma_bytes),
                      step, kind};
        float *differences = guarded<float>(5, 2 * static_cast<size_t>(chroma) + dce::kExpandSlack);
        double sums[kMost][2] = {};
        for (int i = 0; i < chroma_bytes; ++i) row.u[i] = random_byte(), row.v[i] = random_byte();
        for (int y = 0; y < rows; ++y) {
            for (size_t i = 0; i < luma_bytes; ++i) row.luma[i] = random_byte();
            // In the low bits, words are mostly beyond: a half is within.
            for (size_t i = 1; i < luma_bytes && kind.are_words && kind.shift == 0; i += 4) row.luma[i] &= 3;
            const MapRows map = {random_map(2, 3 * maps, width), random_map(3, 3 * maps, width), 0.61f, maps};
            uint8_t *pixels = guarded<uint8_t>(6, 4 * static_cast<size_t>(width));
            alignas(2) uint8_t luma[2 * kMost];
            memcpy(luma, row.luma, luma_bytes);
            const PixelPlanes source = {nullptr, 0, nullptr, 0, row, matrix};
            kernels.curve_to_rgb_row(source, map, width, {4, {2, 1, 0}}, nullptr, pixels);
            kernels.curve_to_yuv_row(source, map, width, row.luma, kind, differences, y == 1);
            for (int x = 0; x < width; ++x) {
                const YuvRow before = {luma, row.u, row.v, step, kind};
                Rgb rgb = rgb_of(before, matrix, x);
                double gray = 0.0;
                for (int c = 0; c < 3; ++c) {
                    rgb.values[c] = curve(rgb.values[c], map, c * width + x, 3 * width);
                    gray += matrix.weights[c] * rgb.values[c];
                    rgb_counter.add(pixels[4 * x + 2 - c], to_range(255.0 * white * rgb.values[c], 255.0));
                }
                CHECK_EQUAL(pixels[4 * x + 3], 255);
                luma_counter.add(sample(row.luma, x), to_range(gray * matrix.luma_codes + matrix.luma_offset, largest));
                const int covered = (x == width - 1 && width % 2 ? 1 : 2) * rows;
                sums[x / 2][0] += (rgb.values[2] - gray) / covered;
                sums[x / 2][1] += (rgb.values[0] - gray) / covered;
            }
        }
        kernels.chroma_row(differences, matrix, width, rows, row);
        for (int i = 0; i < chroma; ++i) {
            const double middle = static_cast<double>(matrix.chroma_offset);
            chroma_counter.add(sample(row.u, i * step), to_range(middle + sums[i][0] * matrix.u_codes, largest));
            chroma_counter.add(sample(row.v, i * step), to_range(middle + sums[i][1] * matrix.v_codes, largest));
        }
        if (width + 97 <= kMost || step != 1 || maps != 1 || rows != 1) continue;
        const MapRows map = {random_map(2, 3, width), random_map(3, 3, width), 0.61f, 1};
        uint8_t *pixels = guarded<uint8_t>(6, 4 * static_cast<size_t>(width));
        const PixelPlanes source = {nullptr, 0, nullptr, 0, row, matrix};
        time_kernel(kind.are_words ? "curve_to_rgb_row of YUV, 10 bits" : "curve_to_rgb_row of YUV", width,
                    [&] { kernels.curve_to_rgb_row(source, map, width, {4, {2, 1, 0}}, nullptr, pixels); });
        time_kernel(kind.are_words ? "curve_to_yuv_row of YUV, 10 bits" : "curve_to_yuv_row of YUV", width,
                    [&] { kernels.curve_to_yuv_row(source, map, width, row.luma, kind, differences, false); });
        time_kernel(kind.are_words ? "chroma_row, 10 bits" : "chroma_row", width,
                    [&] { kernels.chroma_row(differences, matrix, width, rows, row); });
    }
    for (const Counter &counter : {luma_counter, chroma_counter, rgb_counter}) {
        CHECK(counter.largest <= 1);
        CHECK(counter.different <= counter.seen / 1000 + 1);
    }
}

// Planes, to bytes with the alpha of the pixels in place of which they stand, and to words.
void test_planes(const FloatCurveKernels &kernels, int maps) {
    Counter byte_counter, word_counter;
    for (int width = 1; width <= kMost; width += width < 200 ? 1 : 97) {
        const ptrdiff_t stride = width + 64;
        float *planes = guarded<float>(0, 3 * static_cast<size_t>(stride)), *copy = guarded<float>(1, 3 * static_cast<size_t>(stride));
        for (ptrdiff_t i = 0; i < 3 * stride; ++i) planes[i] = copy[i] = random_float(-0.1f, 1.1f);
        const MapRows map = {random_map(2, 3 * maps, width), random_map(3, 3 * maps, width), 0.61f, maps};
        uint8_t *pixels = guarded<uint8_t>(6, 4 * static_cast<size_t>(width));
        uint16_t *words = guarded<uint16_t>(7, 3 * static_cast<size_t>(width));
        for (int x = 0; x < width; ++x) pixels[4 * x + 3] = static_cast<uint8_t>(7 * x);
        kernels.curve_to_rgb_row({planes, stride, nullptr, 0, {}, {}}, map, width, {4, {2, 1, 0}}, pixels + 3, pixels);
        memcpy(planes, copy, 3 * sizeof(float) * static_cast<size_t>(stride));
        kernels.curve_to_rgb16_row({planes, stride, nullptr, 0, {}, {}}, map, width, 3, nullptr, words);
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < 3; ++c) {
                const double value = curve(static_cast<double>(copy[c * stride + x]), map, c * width + x, 3 * width);
                byte_counter.add(pixels[4 * x + 2 - c], to_range(255.0 * value, 255.0));
                word_counter.add(words[3 * x + c], to_range(65535.0 * value, 65535.0));
            }
            CHECK_EQUAL(pixels[4 * x + 3], static_cast<uint8_t>(7 * x));
        }
    }
    CHECK(byte_counter.largest <= 1 && byte_counter.different <= byte_counter.seen / 1000 + 1);
    CHECK(word_counter.largest <= 2 && word_counter.different <= word_counter.seen / 50);
}

void test_expand(const FloatCurveKernels &kernels, int map_channels) {
    for (int width = 1; width <= 200; ++width)
        for (const int scale : {1, 2, 12, 64}) {
            const int low = dce::low_resolution(width, scale);
            dce::Sample columns[200];
            dce::Run runs[200];
            for (int x = 0; x < width; ++x) columns[x] = dce::upsample_at(x, width, low);
            const float *map = random_map(0, map_channels, low);
            float *output = guarded<float>(1, static_cast<size_t>(map_channels) * width + dce::kExpandSlack);
            const dce::Expansion expansion = dce::upsample_row(width, low, runs);
            kernels.expand_planes(map, map_channels, expansion, 0.7f, output);
            for (int x = 0; x < width; ++x)
                for (int c = 0; c < map_channels; ++c) {
                    const float left = map[columns[x].first * map_channels + c];
                    const float right = map[columns[x].second * map_channels + c];
                    CHECK(fabsf(output[c * width + x] - 0.7f * (left + columns[x].weight * (right - left))) < 2e-6f);
                }
            if (width == 200 && scale == 12 && map_channels == 3)
                time_kernel("expand_planes", width,
                            [&] { kernels.expand_planes(map, map_channels, expansion, 0.7f, output); });
        }
}

// Colors whose codes the standards name.
void test_matrices() {
    static const struct {
        int matrix;
        uint8_t y, u, v;
        double rgb[3];
    } kKnown[] = {
        {DCE_BT601_LIMITED, 235, 128, 128, {1, 1, 1}}, {DCE_BT601_LIMITED, 16, 128, 128, {0, 0, 0}},
        {DCE_BT601_LIMITED, 81, 90, 240, {1, 0, 0}},   {DCE_BT709_LIMITED, 63, 102, 240, {1, 0, 0}},
        {DCE_BT709_LIMITED, 173, 42, 26, {0, 1, 0}},   {DCE_BT601_FULL, 255, 128, 128, {1, 1, 1}},
        {DCE_BT601_FULL, 76, 85, 255, {1, 0, 0}},      {DCE_BT601_FULL, 29, 255, 107, {0, 0, 1}},
        {DCE_BT709_FULL, 182, 30, 12, {0, 1, 0}},      {DCE_BT2020_LIMITED, 74, 97, 240, {1, 0, 0}},
        {DCE_BT2020_FULL, 173, 36, 11, {0, 1, 0}},
    };
    for (auto known : kKnown) {
        const YuvRow row = {&known.y, &known.u, &known.v, 1};
        const Rgb seen = rgb_of(row, dce::yuv_matrix(known.matrix), 0);
        for (int c = 0; c < 3; ++c) CHECK(fabs(seen.values[c] - known.rgb[c]) < 0.012);
    }
}

}  // namespace

void test_curve_floats(const dce::Dsp &dsp) {
    const FloatCurveKernels &kernels = *dsp.curve_floats;
    for (const int maps : {1, DCE_ITERATIONS}) {
        test_16_bit(kernels, maps);
        for (const int step : {1, 2, 3})
            for (int rows = 1; rows <= 2; ++rows)
                for (const Samples kind : {dce::kByteSamples, Samples{true, 0}, Samples{true, 6}})
                    if (step < 3 || !kind.are_words) test_yuv(kernels, kind, maps, step, rows);
        test_planes(kernels, maps);
        test_expand(kernels, 3 * maps);
    }
    test_matrices();
}
