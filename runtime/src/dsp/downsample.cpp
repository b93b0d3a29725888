#include "dsp/downsample.h"

#include <string.h>

#include "little_endian.h"

namespace dce {
namespace {

typedef float Pixel __attribute__((vector_size(16)));  // red, green, blue, anything; or the reverse
typedef uint32_t Words __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));

// A row of 8-bit pixels. Three bytes are cut out of a word where they stand, and times 1, 2^8 and 2^16: powers of two change
// no rounding, and unit() takes them back.
struct ByteRow {
    const uint8_t *bytes;
    int channels;
    int last;              // a pixel behind which there may be nothing to read,
    uint8_t copy[4] = {};  // and a copy of it behind which there is

    ByteRow(const uint8_t *row, int row_channels, int row_last) : bytes(row), channels(row_channels), last(row_last) {
        memcpy(copy, row + static_cast<ptrdiff_t>(last) * channels, 3);
    }
    Pixel at(int x) const {
        const Words parts = (Words{} + read_u32(x == last ? copy : bytes + static_cast<ptrdiff_t>(x) * channels)) &
                            Words{0xff, 0xff00, 0xff0000, 0};
        Ints integers;
        memcpy(&integers, &parts, sizeof integers);
        return __builtin_convertvector(integers, Pixel);
    }
    static Pixel unit() { return Pixel{1.0f, 1.0f / 256.0f, 1.0f / 65536.0f, 0.0f} * (1.0f / 255.0f); }
};

struct WordRow {
    const uint16_t *words;
    int channels;

    Pixel at(int x) const {
        const uint16_t *pixel = words + static_cast<ptrdiff_t>(x) * channels;
        return Pixel{static_cast<float>(pixel[0]), static_cast<float>(pixel[1]), static_cast<float>(pixel[2]), 0.0f};
    }
    static Pixel unit() { return Pixel{} + 1.0f / 65535.0f; }
};

float to_unit(float value) { return value > 0.0f ? (value < 1.0f ? value : 1.0f) : 0.0f; }

struct ColorRow {
    const YuvRow &row;
    const YuvMatrix &matrix;

    float code(const uint8_t *samples, ptrdiff_t i) const {
        if (!row.samples.are_words) return static_cast<float>(samples[i]);
        return static_cast<float>(row.samples.code(reinterpret_cast<const uint16_t *>(samples)[i]));
    }
    Pixel at(int x) const {
        const ptrdiff_t chroma = static_cast<ptrdiff_t>(x / 2) * row.step;
        const float luma = (code(row.luma, x) - matrix.luma_offset) * matrix.luma_scale;
        const float u = code(row.u, chroma) - matrix.chroma_offset;
        const float v = code(row.v, chroma) - matrix.chroma_offset;
        return Pixel{to_unit(luma + matrix.red_v * v), to_unit(luma + matrix.green_u * u + matrix.green_v * v),
                     to_unit(luma + matrix.blue_u * u), 0.0f};
    }
    static Pixel unit() { return Pixel{} + 1.0f; }
};

Pixel lerp(Pixel from, Pixel to, float weight) { return from + weight * (to - from); }

template <typename Row>
void sample_row(const Row &above, const Row &below, float weight, const Sample *columns, int width, bool reverse,
                float *output) {
    for (int x = 0; x < width; ++x, output += 3) {
        const Sample column = columns[x];
        const Pixel top = lerp(above.at(column.first), above.at(column.second), column.weight);
        const Pixel bottom = lerp(below.at(column.first), below.at(column.second), column.weight);
        const Pixel pixel = lerp(top, bottom, weight) * Row::unit();
        output[0] = reverse ? pixel[2] : pixel[0];
        output[1] = pixel[1];
        output[2] = reverse ? pixel[0] : pixel[2];
    }
}

}  // namespace

void downsample_row(const uint8_t *above, const uint8_t *below, float weight, PixelLayout layout, const Sample *columns,
                    int width, float *output) {
    const int last = columns[width - 1].second;
    sample_row(ByteRow{above, layout.channels, last}, ByteRow{below, layout.channels, last}, weight, columns, width,
               layout.position[0] != 0, output);
}

void downsample16_row(const uint16_t *above, const uint16_t *below, float weight, int channels, const Sample *columns,
                      int width, float *output) {
    sample_row(WordRow{above, channels}, WordRow{below, channels}, weight, columns, width, false, output);
}

void downsample_yuv_row(const YuvRow &above, const YuvRow &below, float weight, const YuvMatrix &matrix,
                        const Sample *columns, int width, float *output) {
    sample_row(ColorRow{above, matrix}, ColorRow{below, matrix}, weight, columns, width, false, output);
}

}  // namespace dce
