// DenoiseKernels against the scalar ones, whose results tests/runtime/test_denoising.py holds against the NumPy reference.
#include <initializer_list>

#include "dsp/kernels_test.h"

namespace {

using dce::CellRows;
using dce::DenoiseKernels;
using dce::KeptRow;
using dce::KeptRows;
using dce::NoiseCurve;
using dce::PixelKind;
using dce::PixelRow;
using dce::PixelSource;

constexpr int kMost = 1200;  // pixels: more than two blocks
constexpr int kCell = dce::kCell;

int cells_of(int pixels, int side) { return (pixels + side - 1) / side; }
size_t room(int cells) { return static_cast<size_t>(cells) + 2 + dce::kCellSlack; }

// Pixels of every kind, four rows of them that end where memory does.
struct Source {
    Guarded bytes[kCell] = {Guarded(8 * kMost), Guarded(8 * kMost), Guarded(8 * kMost), Guarded(8 * kMost)};
    Guarded chroma[2] = {Guarded(2 * kMost), Guarded(2 * kMost)};
    PixelSource source;
    PixelRow rows[kCell];

    void fill(PixelKind kind, dce::PixelLayout layout, int width, dce::Samples samples = dce::kByteSamples) {
        source = {kind, layout, dce::yuv_matrix(DCE_BT601_FULL, samples.bits(), 255.0)};
        const size_t pixels = static_cast<size_t>(width), half = static_cast<size_t>(cells_of(width, 2));
        const size_t channels = static_cast<size_t>(layout.channels), sample = static_cast<size_t>(samples.bytes());
        const size_t size = kind == PixelKind::kBytes   ? pixels * channels
                            : kind == PixelKind::kWords ? 2 * pixels * channels
                            : kind == PixelKind::kYuv   ? pixels * sample
                                                        : 6 * pixels;
        for (int r = 0; r < kCell; ++r) {
            uint8_t *row = bytes[r].last<uint8_t>(size);
            for (size_t i = 0; i < size; ++i)  // dark, and of 16-bit values both bytes
                row[i] = static_cast<uint8_t>(kind == PixelKind::kBytes || kind == PixelKind::kYuv ? random_byte() % 60
                                              : i % 2                                              ? random_byte() % 8
                                                                                                   : random_byte());
            rows[r] = {row, {row, chroma[0].last<uint8_t>(half * sample), chroma[1].last<uint8_t>(half * sample), 1, samples}};
            for (size_t i = 0; i < pixels && kind == PixelKind::kYuv && samples.are_words; ++i)
                reinterpret_cast<uint16_t *>(row)[i] = static_cast<uint16_t>(random_byte() << samples.shift);
        }
        for (Guarded &plane : chroma)
            for (size_t i = 0; i < half; ++i)
                if (samples.are_words)
                    plane.last<uint16_t>(half)[i] = static_cast<uint16_t>((472 + random_byte() % 80) << samples.shift);
                else
                    plane.last<uint8_t>(half)[i] = static_cast<uint8_t>(118 + random_byte() % 20);
    }
};

struct Cells {
    Guarded memory[4] = {Guarded(4 * kMost), Guarded(4 * kMost), Guarded(4 * kMost), Guarded(4 * kMost)};
    CellRows rows;

    void prepare(int width) {
        const size_t luma = room(cells_of(width, 2)), colors = room(cells_of(width, kCell));
        rows = {{memory[0].last<float>(luma) + 1, memory[1].last<float>(luma) + 1},
                memory[2].last<float>(colors) + 1,
                memory[3].last<float>(colors) + 1};
    }
};

// Where the values are whole, so are the sums; elsewhere products are rounded once or twice.
void check_cells(const CellRows &seen, const CellRows &wanted, int width, float tolerance) {
    const size_t luma = static_cast<size_t>(cells_of(width, 2)) + 2, colors = static_cast<size_t>(cells_of(width, kCell)) + 2;
    for (int k = 0; k < 2; ++k) check_close(seen.luma[k] - 1, wanted.luma[k] - 1, luma, tolerance, "survey, luma", width);
    for (size_t i = 0; i < colors; ++i) {  // differences of large sums
        const float most = tolerance * 3000.0f;
        CHECK(fabsf(seen.red[i - 1] - wanted.red[i - 1]) <= most && fabsf(seen.blue[i - 1] - wanted.blue[i - 1]) <= most);
    }
}

NoiseCurve random_noise() {
    double variances[dce::kNoiseKnots];
    for (double &variance : variances) variance = static_cast<double>(random_float(0.0f, 3.0f));
    return NoiseCurve::of(variances);
}

void test_survey(const DenoiseKernels &kernels, PixelKind kind, dce::PixelLayout layout,
                 dce::Samples samples = dce::kByteSamples) {
    static Source source;
    static Cells seen, wanted;
    for (int width = 1; width <= kMost; width += width < 150 ? 1 : 131) {
        source.fill(kind, layout, width, samples);
        seen.prepare(width);
        wanted.prepare(width);
        kernels.survey(source.source, source.rows, width, seen.rows, nullptr);
        scalar_dsp().denoise->survey(source.source, source.rows, width, wanted.rows, nullptr);
        check_cells(seen.rows, wanted.rows, width, kind == PixelKind::kBytes ? 0.0f : 1e-6f);
        if (kind == PixelKind::kBytes && layout.channels == 3 && width + 131 > kMost)
            time_kernel("denoise, survey of 4 rows", width,
                        [&] { kernels.survey(source.source, source.rows, width, seen.rows, nullptr); });
    }
}

void test_blending(const DenoiseKernels &kernels) {
    static Source source;
    static Cells cells[4];
    static Guarded memory[2][kCell] = {{Guarded(6 * kMost), Guarded(6 * kMost), Guarded(6 * kMost), Guarded(6 * kMost)},
                                       {Guarded(6 * kMost), Guarded(6 * kMost), Guarded(6 * kMost), Guarded(6 * kMost)}};
    static Guarded of_remaining[2] = {Guarded(2 * kMost), Guarded(2 * kMost)};
    int different = 0, seen_values = 0;
    for (int width = 1; width <= kMost; width += width < 150 ? 1 : 131) {
        source.fill(PixelKind::kBytes, {3, {0, 1, 2}}, width);
        const size_t values = 3 * static_cast<size_t>(width), quarters = static_cast<size_t>(cells_of(width, kCell));
        KeptRows kept[2] = {};
        for (int set = 0; set < 2; ++set) {
            cells[2 * set].prepare(width);
            cells[2 * set + 1].prepare(width);
            for (int r = 0; r < kCell; ++r) kept[set].row[r] = memory[set][r].last<KeptRow>(values);
            kept[set].remaining = of_remaining[set].last<float>(quarters);
            kept[set].smallest_gain = 0.2f;
            kept[set].before = cells[2 * set + 1].rows;
        }
        kept[0].luma = kept[1].luma = random_noise();
        kept[0].colors = kept[1].colors = random_noise();
        for (int r = 0; r < kCell; ++r)
            for (size_t i = 0; i < values; ++i) {  // near the pixels
                const int pixel = static_cast<const uint8_t *>(
                    source.rows[r].pixels)[3 * (i % static_cast<size_t>(width)) + i / static_cast<size_t>(width)];
                kept[0].row[r][i] = kept[1].row[r][i] = static_cast<KeptRow>(64 * pixel + random_byte() % 200 - 100);
            }
        for (size_t i = 0; i < quarters; ++i) kept[0].remaining[i] = kept[1].remaining[i] = random_float(0.1f, 1.0f);
        kernels.survey(source.source, source.rows, width, cells[0].rows, &kept[0]);
        scalar_dsp().denoise->survey(source.source, source.rows, width, cells[2].rows, &kept[1]);
        check_cells(cells[1].rows, cells[3].rows, width, 0.0f);
        check_cells(cells[0].rows, cells[2].rows, width, 1e-4f);
        check_close(kept[0].remaining, kept[1].remaining, quarters, 1e-4f, "what remains", width);
        for (int r = 0; r < kCell; ++r)
            for (size_t i = 0; i < values; ++i) {
                CHECK(abs(kept[0].row[r][i] - kept[1].row[r][i]) <= 1);
                different += kept[0].row[r][i] != kept[1].row[r][i];
                ++seen_values;
            }
        if (width + 131 > kMost)
            time_kernel("denoise, blending of 4 rows", width,
                        [&] { kernels.survey(source.source, source.rows, width, cells[0].rows, &kept[0]); });
    }
    CHECK(different <= seen_values / 1000);
}

const float *random_cells(Guarded *memory, int count, float from, float to) {
    float *row = memory->last<float>(room(count));
    for (size_t i = 0; i < room(count); ++i) row[i] = floorf(random_float(from, to));
    return row + 1;
}

void test_shares(const DenoiseKernels &kernels) {
    static Guarded memory[20] = {Guarded(5 * kMost),  Guarded(5 * kMost),  Guarded(5 * kMost),  Guarded(5 * kMost),
                                 Guarded(5 * kMost),  Guarded(5 * kMost),  Guarded(5 * kMost),  Guarded(5 * kMost),
                                 Guarded(5 * kMost),  Guarded(5 * kMost),  Guarded(5 * kMost),  Guarded(5 * kMost),
                                 Guarded(5 * kMost),  Guarded(5 * kMost),  Guarded(9 * kMost),  Guarded(9 * kMost),
                                 Guarded(30 * kMost), Guarded(30 * kMost), Guarded(20 * kMost), Guarded(20 * kMost)};
    static Source source;
    const DenoiseKernels &scalar = *scalar_dsp().denoise;
    for (int width = 1; width <= kMost; width += width < 150 ? 1 : 131) {
        const int halves = cells_of(width, 2), quarters = cells_of(width, kCell);
        const float *luma[3], *red[3], *blue[3];
        for (int k = 0; k < 3; ++k) {
            luma[k] = random_cells(&memory[k], 2 * quarters, 100.0f, 130.0f);
            red[k] = random_cells(&memory[3 + k], quarters, -20.0f, 30.0f);
            blue[k] = random_cells(&memory[6 + k], quarters, -40.0f, 10.0f);
        }
        float *remaining = memory[9].last<float>(room(2 * quarters));
        for (size_t i = 0; i < room(2 * quarters); ++i) remaining[i] = random_float(0.1f, 1.0f);
        const NoiseCurve noise = random_noise();
        float *share[2], *mean[2], *colors[2], *rows[2], *planes[2];
        const ptrdiff_t color_stride = static_cast<ptrdiff_t>(room(quarters)), stride = static_cast<ptrdiff_t>(room(halves));
        const ptrdiff_t plane_stride = width + dce::kCellSlack;
        for (int set = 0; set < 2; ++set) {
            const DenoiseKernels &k = set ? scalar : kernels;
            share[set] = memory[10 + set].last<float>(room(halves)) + 1;
            mean[set] = memory[12 + set].last<float>(room(halves)) + 1;
            colors[set] = memory[14 + set].last<float>(3 * room(quarters)) + 1;
            rows[set] = memory[16 + set].last<float>(5 * room(halves)) + 1;
            planes[set] = memory[18 + set].last<float>(3 * static_cast<size_t>(plane_stride));
            k.luma_shares(luma, halves, noise, remaining, 0.9f, share[set], mean[set]);
            k.color_shares(red, blue, luma, quarters, noise, remaining, 0.8f, colors[set], color_stride);
        }
        check_close(share[0], share[1], static_cast<size_t>(halves), 1e-5f, "luma, share", width);
        check_close(mean[0], mean[1], static_cast<size_t>(halves), 1e-5f, "luma, mean", width);
        for (int k = 0; k < 3; ++k)
            check_close(colors[0] + k * color_stride - 1, colors[1] + k * color_stride - 1, static_cast<size_t>(quarters) + 2,
                        1e-4f, "colors, share", width);
        source.fill(PixelKind::kBytes, {3, {2, 1, 0}}, width);
        for (int set = 0; set < 2; ++set) {
            const DenoiseKernels &k = set ? scalar : kernels;
            k.combine(share[1], mean[1], colors[1], colors[1], color_stride, halves, 1.25f, rows[set], stride);
            k.denoise_row(source.source, source.rows[0], width, {rows[set], rows[set], stride}, planes[set], plane_stride);
        }
        for (int k = 0; k < 5; ++k)
            check_close(rows[0] + k * stride - 1, rows[1] + k * stride - 1, static_cast<size_t>(halves) + 2, 1e-5f, "combine",
                        width);
        for (int c = 0; c < 3; ++c)
            check_close(planes[0] + c * plane_stride, planes[1] + c * plane_stride, static_cast<size_t>(width), 1e-5f, "planes",
                        width);
        if (width + 131 <= kMost) continue;
        time_kernel("denoise, luma_shares", halves,
                    [&] { kernels.luma_shares(luma, halves, noise, remaining, 0.9f, share[0], mean[0]); });
        time_kernel("denoise, color_shares", quarters,
                    [&] { kernels.color_shares(red, blue, luma, quarters, noise, remaining, 0.8f, colors[0], color_stride); });
        time_kernel("denoise, combine", halves,
                    [&] { kernels.combine(share[1], mean[1], colors[1], colors[1], color_stride, halves, 1.0f, rows[0], stride); });
        time_kernel("denoise, denoise_row", width, [&] {
            kernels.denoise_row(source.source, source.rows[0], width, {rows[0], rows[0], stride}, planes[0], plane_stride);
        });
    }
}

}  // namespace

void test_denoise(const dce::Dsp &dsp) {
    const DenoiseKernels &kernels = *dsp.denoise;
    test_survey(kernels, PixelKind::kBytes, {3, {0, 1, 2}});
    test_survey(kernels, PixelKind::kBytes, {4, {2, 1, 0}});
    test_survey(kernels, PixelKind::kWords, {3, {0, 1, 2}});
    test_survey(kernels, PixelKind::kWords, {4, {0, 1, 2}});
    for (const dce::Samples samples : {dce::kByteSamples, dce::Samples{true, 0}, dce::Samples{true, 6}})
        test_survey(kernels, PixelKind::kYuv, {}, samples);
    test_survey(kernels, PixelKind::kKept, {});
    test_blending(kernels);
    test_shares(kernels);
}
