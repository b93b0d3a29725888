// Downsampling, which is the same for all instruction sets, against a definition in double precision.
#include <initializer_list>

#include "dsp/downsample.h"
#include "dsp/resize.h"
#include "dsp/kernels_test.h"

unsigned g_random = 1;

namespace {

const dce::PixelLayout kLayouts[] = {{3, {0, 1, 2}}, {3, {2, 1, 0}}, {4, {0, 1, 2}}, {4, {2, 1, 0}}};

void test_downsample() {
    static Guarded above_memory(4096), below_memory(4096), output_memory(4096);
    for (int size = 1; size <= kWidths; ++size)
        for (const int scale : {1, 3, 12, 64}) {
            const int low = dce::low_resolution(size, scale);
            static dce::Sample columns[kWidths];
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

}  // namespace

int main() {
    test_downsample();
    return 0;
}
