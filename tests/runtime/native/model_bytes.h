/* Makes .dce files in memory: see runtime/src/model/dce_file.h for the format. */
#ifndef DCELITE_TESTS_MODEL_BYTES_H
#define DCELITE_TESTS_MODEL_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    MODEL_HEADER = 64,
    ZERODCEPP_PARAMETERS = 10561,
    ZERODCE_PARAMETERS = 79416,
    SCENE_PARAMETERS = 1664, /* of a scene head */
    INT8_MODEL = 14027, /* bytes of a Zero-DCE++ with int8 weights and no scene head */
    LARGEST_MODEL = MODEL_HEADER + 4 * ZERODCE_PARAMETERS
};

static inline void put_le32(uint8_t *bytes, uint32_t value) {
    for (int i = 0; i < 4; ++i) bytes[i] = (uint8_t)(value >> 8 * i);
}

/* Writes signature, size and checksum for what the other bytes say. */
static inline void seal_model(uint8_t *bytes, size_t size) {
    static const uint8_t signature[8] = {0x89, 'D', 'C', 'E', '\r', '\n', 0x1a, '\n'};
    uint32_t crc = 0xffffffffu;
    memcpy(bytes, signature, sizeof signature);
    put_le32(bytes + 16, (uint32_t)size);
    for (size_t i = 16; i < size; ++i) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
    }
    put_le32(bytes + 12, ~crc);
}

/* A whole model of an architecture (1 Zero-DCE++, 2 Zero-DCE, 3 Zero-DCE++ with a scene head) with reproducible small
 * weights; returns its size. `bytes` has room for LARGEST_MODEL. */
static inline size_t make_model(uint8_t *bytes, uint32_t architecture, uint32_t scale) {
    const uint32_t parameters = architecture == 2   ? ZERODCE_PARAMETERS
                                : architecture == 3 ? ZERODCEPP_PARAMETERS + SCENE_PARAMETERS
                                                    : ZERODCEPP_PARAMETERS;
    const uint32_t fields[] = {architecture, 0, scale, 8, 32, architecture == 2 ? 24u : 3u};
    const size_t size = MODEL_HEADER + 4 * (size_t)parameters;
    uint32_t state = 2463534242u;
    memset(bytes, 0, MODEL_HEADER);
    put_le32(bytes + 8, 1);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; ++i) put_le32(bytes + 20 + 4 * i, fields[i]);
    for (uint32_t i = 0; i < parameters; ++i) {
        state = state * 1664525u + 1013904223u;
        const float weight = ((float)(state >> 8) / 8388608.0f - 1.0f) * 0.1f;
        uint32_t bits;
        memcpy(&bits, &weight, sizeof bits);
        put_le32(bytes + MODEL_HEADER + 4 * i, bits);
    }
    seal_model(bytes, size);
    return size;
}

#endif
