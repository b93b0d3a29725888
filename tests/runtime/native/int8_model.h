// Makes .dce files of int8 models in memory: see runtime/src/model/dce_file.h for the format.
#ifndef DCELITE_TESTS_INT8_MODEL_H
#define DCELITE_TESTS_INT8_MODEL_H

#include <vector>

#include "check.h"
#include "model_bytes.h"

using Bytes = std::vector<uint8_t>;

inline uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// Appends a convolution's weights (rows, columns), biases and multipliers, such that its results spread around `middle` for
// values around `zero`; with `extreme`, weights are at their ends and biases and multipliers at their limits.
inline void append(Bytes *bytes, unsigned *state, int rows, int columns, float multiplier, float middle, int zero, bool extreme) {
    std::vector<int32_t> sums(rows);
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < columns; ++c) {
            const int weight = extreme ? (random_u32(state) % 2 ? 127 : -127) : static_cast<int>(random_u32(state) % 255) - 127;
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

// With a scene head, if wanted, whose outputs are of the size of the sums that they are added to.
inline Bytes int8_model(bool extreme, unsigned *state, bool scene = false) {
    constexpr int kLayers = 7, kInputs[kLayers] = {3, 32, 32, 32, 64, 64, 64};
    Bytes bytes(MODEL_HEADER);
    const uint32_t fields[] = {scene ? 3u : 1u, 1, 12, 8, 32, 3};  // Zero-DCE++, int8, scale, iterations, filters, map channels
    put_le32(bytes.data() + 8, 1);
    for (int i = 0; i < 6; ++i) put_le32(bytes.data() + 20 + 4 * i, fields[i]);
    for (int k = 0; k < kLayers; ++k) {
        append(&bytes, state, kInputs[k], 9, 0.002f, 128.0f, 128, extreme);
        const bool last = k + 1 == kLayers;
        append(&bytes, state, last ? 3 : 32, kInputs[k], last ? 1e-5f : k == 0 ? 0.006f : 0.002f, last ? 0.0f : 128.0f, 128, extreme);
    }
    for (int i = 0; scene && i < SCENE_PARAMETERS; ++i) {
        const float size = i < 576 ? 1.0f : extreme ? 1e12f : 20000.0f;  // 16 (35 + 1) parameters of the hidden layer
        bytes.resize(bytes.size() + 4);
        put_le32(bytes.data() + bytes.size() - 4, float_bits(size * (static_cast<float>(random_u32(state) % 2001) / 1000.0f - 1.0f)));
    }
    seal_model(bytes.data(), bytes.size());
    return bytes;
}

#endif
