/* scene.c - the picture that is enhanced: made from integers alone, so that it is the same on every machine. */
#include "roofline.h"

/* Brightness runs linearly between the nodes of kCells x kCells patches; grey noise spreads over kNoise levels. */
enum { kCells = 8, kDarkest = 8, kBrightest = 95, kNoise = 16 };

static uint32_t hash(uint32_t value) {
    value ^= value >> 16;
    value *= 0x7feb352du;
    value ^= value >> 15;
    value *= 0x846ca68bu;
    return value ^ value >> 16;
}

static int32_t level(uint32_t row, uint32_t column, uint32_t channel) {
    const uint32_t node = (row * (kCells + 1) + column) * 3 + channel;
    return kDarkest + (int32_t)(hash(node) % (kBrightest - kDarkest + 1));
}

void dce_bench_scene(uint8_t *pixels, int32_t width, int32_t height) {
    for (int32_t y = 0; y < height; ++y) {
        const int64_t position_y = (int64_t)y * kCells * 256 / height;
        const uint32_t row = (uint32_t)(position_y >> 8);
        const int32_t part_y = (int32_t)(position_y & 255);
        for (int32_t x = 0; x < width; ++x) {
            const int64_t position_x = (int64_t)x * kCells * 256 / width;
            const uint32_t column = (uint32_t)(position_x >> 8);
            const int32_t part_x = (int32_t)(position_x & 255);
            for (uint32_t c = 0; c < 3; ++c, ++pixels) {
                const int32_t left = level(row, column, c) * (256 - part_y) + level(row + 1, column, c) * part_y;
                const int32_t right = level(row, column + 1, c) * (256 - part_y) + level(row + 1, column + 1, c) * part_y;
                const int32_t smooth = (left * (256 - part_x) + right * part_x) >> 16;
                const uint32_t index = ((uint32_t)y * (uint32_t)width + (uint32_t)x) * 3 + c;
                const int32_t noise = (int32_t)(hash(index) % kNoise) - kNoise / 2;
                const int32_t value = smooth + noise;
                *pixels = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
            }
        }
    }
}
