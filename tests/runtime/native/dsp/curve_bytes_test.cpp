// ByteCurveKernels against the scalar ones.
#include <initializer_list>

#include "dsp/resize.h"
#include "dsp/kernels_test.h"

namespace {

using dce::ByteCurveKernels;
using dce::MapRows;

const ByteCurveKernels &scalar() { return *scalar_dsp().curve_bytes; }

void test_curve(const ByteCurveKernels &kernels, int maps) {
    static Guarded pixels(4096), results(4096), above_memory(1 << 18), below_memory(1 << 18);
    for (int count = 1; count <= 4 * kWidths; count += count < 200 ? 1 : 37) {
        uint8_t *source = pixels.last<uint8_t>(count);
        uint8_t *destination = results.last<uint8_t>(count);
        float *above = above_memory.last<float>(static_cast<size_t>(maps) * count + dce::kExpandSlack);
        float *below = below_memory.last<float>(static_cast<size_t>(maps) * count + dce::kExpandSlack);
        static uint8_t wanted[4 * kWidths];
        for (int i = 0; i < count; ++i) source[i] = random_byte();
        for (int i = 0; i < maps * count; ++i) {
            const unsigned kind = random_u32(&g_random) % 8;  // now and then the ends of the range
            above[i] = dce::kByteMap * (kind == 0 ? -1.0f : kind == 1 ? 1.0f : random_float(-1.0f, 1.0f));
            below[i] = dce::kByteMap * (kind == 2 ? -1.0f : kind == 3 ? 0.0f : random_float(-1.0f, 1.0f));
        }
        for (int i = 0; i < dce::kExpandSlack; ++i) above[maps * count + i] = below[maps * count + i] = NAN;  // read, of no effect
        const float weight = count % 3 == 0 ? 0.0f : random_float(0.0f, 1.0f);
        const MapRows map = {above, below, weight, maps};
        scalar().curve_row(source, map, count, wanted);
        kernels.curve_row(source, map, count, destination);
        int different = 0;
        for (int i = 0; i < count; ++i) {
            CHECK(abs(destination[i] - wanted[i]) <= 1);
            different += destination[i] != wanted[i];
        }
        CHECK(different <= 1 + count / 200);
        kernels.curve_row(source, map, count, source);  // in place
        CHECK(memcmp(source, destination, static_cast<size_t>(count)) == 0);
        if (count + 37 > 4 * kWidths)
            time_kernel(maps == 1 ? "curve_row, 1 map" : "curve_row, 8 maps", count / 3,
                        [&] { kernels.curve_row(source, map, count, destination); });
    }
}

// All 256 values under maps that no network gives: the result stays a byte, as the scalar kernel's does.
void test_curve_extremes(const ByteCurveKernels &kernels) {
    const float extremes[] = {0.0f, 1.0f, -1.0f, 3.0f, -3.0f, 1e30f, -1e30f, INFINITY, -INFINITY, NAN};
    for (const float extreme : extremes) {
        static uint8_t source[256], seen[256], wanted[256];
        static float map[256 + dce::kExpandSlack];
        for (int i = 0; i < 256; ++i) source[i] = static_cast<uint8_t>(i), map[i] = dce::kByteMap * extreme;
        scalar().curve_row(source, {map, map, 0.0f, 1}, 256, wanted);
        kernels.curve_row(source, {map, map, 0.0f, 1}, 256, seen);
        for (int i = 0; i < 256; ++i) CHECK(abs(seen[i] - wanted[i]) <= (fabsf(extreme) <= 1.0f ? 1 : 255));
        if (extreme == 0.0f) CHECK(memcmp(seen, source, 256) == 0);
        if (isnan(extreme)) CHECK(memcmp(seen, wanted, 256) == 0);
    }
}

const dce::PixelLayout kLayouts[] = {{3, {0, 1, 2}}, {3, {2, 1, 0}}, {4, {0, 1, 2}}, {4, {2, 1, 0}}};

void test_expand(const ByteCurveKernels &kernels) {
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
                scalar().expand_row(map, channels, expansion, layout, strength, wanted);
                kernels.expand_row(map, channels, expansion, layout, strength, seen);
                check_close(seen, wanted, count, 2e-6f, "expand_row", width);
                if (layout.channels == 4)
                    for (size_t i = 3; i < count; i += 4) CHECK(seen[i] == 0.0f);
                if (width == kWidths && scale == 12 && channels == 3)
                    time_kernel("expand_row", width,
                                [&] { kernels.expand_row(map, channels, expansion, layout, strength, seen); });
            }
}

}  // namespace

void test_curve_bytes(const dce::Dsp &dsp) {
    test_curve(*dsp.curve_bytes, 1);
    test_curve(*dsp.curve_bytes, DCE_ITERATIONS);
    test_curve_extremes(*dsp.curve_bytes);
    test_expand(*dsp.curve_bytes);
}
