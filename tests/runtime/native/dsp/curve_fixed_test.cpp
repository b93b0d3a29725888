// FixedCurveKernels: the same integers as the scalar ones, and how far these are from real numbers.
#include <initializer_list>

#include "dsp/resize.h"
#include "dsp/kernels_test.h"

namespace {

using dce::FixedCurveKernels;
using dce::FixedMapRows;

constexpr int kMostMap = 8224;  // of a row: a = 1, rounded down

const FixedCurveKernels &scalar() { return *scalar_dsp().curve_fixed; }

int16_t random_map() {
    const unsigned kind = random_u32(&g_random) % 8;  // now and then the ends of the range
    if (kind < 2) return kind ? kMostMap : -kMostMap;
    return static_cast<int16_t>(static_cast<int>(random_u32(&g_random) % (2 * kMostMap + 1)) - kMostMap);
}

void test_curve(const FixedCurveKernels &kernels, int maps) {
    static Guarded pixels(4096), results(4096), sum_memory(1 << 17), difference_memory(1 << 17);
    for (int count = 1; count <= 4 * kWidths; count += count < 300 ? 1 : 37) {
        uint8_t *source = pixels.last<uint8_t>(count), *destination = results.last<uint8_t>(count);
        const size_t values = static_cast<size_t>(maps) * count;
        int16_t *sum = sum_memory.last<int16_t>(values + dce::kFixedSlack);
        int16_t *difference = difference_memory.last<int16_t>(values + dce::kFixedSlack);
        static uint8_t wanted[4 * kWidths];
        for (int i = 0; i < count; ++i) source[i] = random_byte();
        for (size_t i = 0; i < values; ++i) {
            const int16_t above = random_map(), below = random_map();
            sum[i] = static_cast<int16_t>(above + below);
            difference[i] = static_cast<int16_t>(below - above);
        }
        const float weight = count % 3 == 0 ? 0.0f : count % 3 == 1 ? 1.0f : random_float(0.0f, 1.0f);
        const FixedMapRows map = {sum, difference, dce::fix_row_weight(weight), maps};
        scalar().curve_row(source, map, count, wanted);
        kernels.curve_row(source, map, count, destination);
        CHECK(memcmp(destination, wanted, static_cast<size_t>(count)) == 0);
        kernels.curve_row(source, map, count, source);  // in place
        CHECK(memcmp(source, wanted, static_cast<size_t>(count)) == 0);
        if (count + 37 > 4 * kWidths)
            time_kernel(maps == 1 ? "fixed curve_row, 1 map" : "fixed curve_row, 8 maps", count / 3,
                        [&] { kernels.curve_row(source, map, count, destination); });
    }
}

void test_rows_of_map(const FixedCurveKernels &kernels) {
    static Guarded output(1 << 14), sum_memory(1 << 14), difference_memory(1 << 14), weight_memory(1 << 14);
    static int16_t wanted[3][4 * kWidths], above[4 * kWidths + dce::kFixedSlack], map[4 * kWidths];
    static dce::Run runs[kWidths];
    for (int width = 1; width <= kWidths; ++width)
        for (const int scale : {1, 2, 5, 12, 64})
            for (const int channels : {3, 4}) {
                const int low = dce::low_resolution(width, scale), count = width * channels;
                for (int i = 0; i < 4 * low; ++i) map[i] = random_map();
                int16_t *weights = weight_memory.last<int16_t>(static_cast<size_t>(count) + dce::kFixedSlack);
                dce::fix_weights(width, low, channels, weights);
                const dce::FixedExpansion expansion = {dce::upsample_row(width, low, runs), weights};
                int16_t *seen = output.last<int16_t>(static_cast<size_t>(count) + dce::kFixedSlack);
                scalar().expand_row(map, expansion, channels, wanted[0]);
                kernels.expand_row(map, expansion, channels, seen);
                const size_t bytes = sizeof(int16_t) * static_cast<size_t>(count);
                CHECK(memcmp(seen, wanted[0], bytes) == 0);
                for (int x = 0; x < width; ++x) {  // and what it should be
                    const dce::Sample at = dce::upsample_at(x, width, low);
                    const double left = map[4 * at.first], right = map[4 * at.second];
                    CHECK(fabs(wanted[0][x * channels] - (left + (right - left) * static_cast<double>(at.weight))) < 1.01);
                }
                int16_t *sum = sum_memory.last<int16_t>(static_cast<size_t>(count) + dce::kFixedSlack);
                int16_t *difference = difference_memory.last<int16_t>(static_cast<size_t>(count) + dce::kFixedSlack);
                for (int i = 0; i < count; ++i) above[i] = random_map();
                kernels.combine_rows(above, seen, count, sum, difference);
                scalar().combine_rows(above, wanted[0], count, wanted[1], wanted[2]);
                CHECK(memcmp(sum, wanted[1], bytes) == 0 && memcmp(difference, wanted[2], bytes) == 0);
                if (width == kWidths && scale == 12 && channels == 3) {
                    time_kernel("fixed expand_row", width, [&] { kernels.expand_row(map, expansion, 3, seen); });
                    time_kernel("fixed combine_rows", width, [&] { kernels.combine_rows(above, seen, count, sum, difference); });
                }
            }
}

// Every byte under every map: never more than a level from real numbers, and on the average of both no more than the half of
// 1/256 by which ties are rounded up.
void test_against_real_numbers() {
    static int16_t sum[256], difference[256];
    static uint8_t source[256], seen[256];
    int64_t different = 0, beyond = 0, all = 0, total = 0;
    for (int i = 0; i < 256; ++i) source[i] = static_cast<uint8_t>(i);
    for (int a = -2 * kMostMap; a <= 2 * kMostMap; ++a) {
        for (int i = 0; i < 256; ++i) sum[i] = static_cast<int16_t>(a);
        scalar().curve_row(source, {sum, difference, 0, 1}, 256, seen);
        const double map = a / (2.0 * static_cast<double>(dce::kFixedMap));
        for (int i = 0; i < 256; ++i, ++all) {
            double x = i / 255.0;
            for (int n = 0; n < DCE_ITERATIONS; ++n) x += map * (x * x - x);
            const int error = seen[i] - static_cast<int>(floor(255.0 * x + 0.5));
            different += error != 0;
            beyond += abs(error) > 1;
            total += error;
        }
        CHECK(seen[0] == 0 && seen[255] == 255);
    }
    CHECK_EQUAL(beyond, 0);
    CHECK(different < all / 400);
    CHECK(fabs(static_cast<double>(total)) < static_cast<double>(all) / 512);
}

// Every matrix; widths of more than a block; chroma next to each other, in turn, and apart.
void test_yuv(const FixedCurveKernels &kernels, int maps) {
    constexpr int kMost = 700;
    static Guarded luma_memory(1 << 12), u_memory(1 << 12), v_memory(1 << 12), results(1 << 12), sum_memory(1 << 16),
        difference_memory(1 << 16);
    static uint8_t wanted[4 * kMost];
    for (int width = 1; width <= kMost; width += width < 80 ? 1 : 31) {
        const int step = 1 + width % 3, chroma = ((width + 1) / 2 - 1) * step + 1, channels = 3 + width % 2;
        const dce::YuvRow row = {luma_memory.last<uint8_t>(width), u_memory.last<uint8_t>(chroma), v_memory.last<uint8_t>(chroma),
                                 step};
        for (int x = 0; x < width; ++x) row.luma[x] = x % 9 ? random_byte() : static_cast<uint8_t>(x % 2 ? 255 : 0);
        for (int i = 0; i < chroma; ++i) row.u[i] = random_byte(), row.v[i] = random_byte();
        row.u[0] = row.v[0] = width % 2 ? 255 : 0;
        const size_t values = static_cast<size_t>(3 * maps) * width;
        int16_t *sum = sum_memory.last<int16_t>(values + dce::kFixedSlack);
        int16_t *difference = difference_memory.last<int16_t>(values + dce::kFixedSlack);
        for (size_t i = 0; i < values; ++i) {
            const int16_t above = random_map(), below = random_map();
            sum[i] = static_cast<int16_t>(above + below);
            difference[i] = static_cast<int16_t>(below - above);
        }
        const FixedMapRows map = {sum, difference, dce::fix_row_weight(0.61f), maps};
        const FixedMapRows identity = {difference, difference, 0, 1};
        const dce::YuvMatrix matrix = dce::yuv_matrix(width % 6);
        const dce::FixedMatrix fixed = dce::fix_matrix(matrix);
        const dce::PixelLayout layout = {channels, {0, 1, 2}};
        uint8_t *seen = results.last<uint8_t>(static_cast<size_t>(channels) * width);
        scalar().yuv_to_rgb_row(row, fixed, map, width, layout, wanted);
        kernels.yuv_to_rgb_row(row, fixed, map, width, layout, seen);
        CHECK(memcmp(seen, wanted, static_cast<size_t>(channels) * width) == 0);
        if (width + 31 > kMost)
            time_kernel(maps == 1 ? "fixed yuv_to_rgb_row, 1 map" : "fixed yuv_to_rgb_row, 8 maps", width,
                        [&] { kernels.yuv_to_rgb_row(row, fixed, map, width, layout, seen); });
        // Without a curve, colors are those of the matrix, but for the rounding of values between two codes.
        memset(difference, 0, sizeof(int16_t) * (3 * static_cast<size_t>(width) + dce::kFixedSlack));
        kernels.yuv_to_rgb_row(row, fixed, identity, width, layout, seen);
        for (int x = 0; x < width; ++x) {
            const float luma = (row.luma[x] - matrix.luma_offset) * matrix.luma_scale;
            const float u = row.u[x / 2 * step] - 128.0f, v = row.v[x / 2 * step] - 128.0f;
            const float colors[3] = {luma + matrix.red_v * v, luma + matrix.green_u * u + matrix.green_v * v,
                                     luma + matrix.blue_u * u};
            for (int c = 0; c < 3; ++c) {
                const float code = 255.0f * colors[c], clamped = code < 0.0f ? 0.0f : code > 255.0f ? 255.0f : code;
                CHECK(fabsf(seen[channels * x + c] - clamped) < 0.51f);
            }
            if (channels == 4) CHECK_EQUAL(seen[4 * x + 3], 255);
        }
    }
}

void test_fixing() {
    const float map[] = {1.0f, -1.0f, 0.5f, NAN, INFINITY, -INFINITY, 3.0f, -1e30f, 0.0f};
    int16_t fixed[3 * dce::kFixedLane];
    dce::fix_map_row(map, 3, 3, {4, {2, 1, 0}}, 1.0f, fixed);
    const int wanted[] = {4112, -kMostMap, kMostMap, 0, -kMostMap, kMostMap, 0, 0, 0, -kMostMap, kMostMap, 0};
    for (int i = 0; i < 12; ++i) CHECK_EQUAL(fixed[i], wanted[i]);
    CHECK_EQUAL(dce::fix_row_weight(0.0f), -32768);
    CHECK_EQUAL(dce::fix_row_weight(0.5f), 0);
    CHECK_EQUAL(dce::fix_row_weight(1.0f), 32767);
}

}  // namespace

void test_curve_fixed(const dce::Dsp &dsp) {
    test_curve(*dsp.curve_fixed, 1);
    test_curve(*dsp.curve_fixed, DCE_ITERATIONS);
    test_rows_of_map(*dsp.curve_fixed);
    test_yuv(*dsp.curve_fixed, 1);
    test_yuv(*dsp.curve_fixed, DCE_ITERATIONS);
    if (&dsp == &scalar_dsp()) test_against_real_numbers();
    test_fixing();
}
