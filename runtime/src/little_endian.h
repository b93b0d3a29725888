// Numbers of .dce files, which are little endian, on any processor.
#ifndef DCELITE_LITTLE_ENDIAN_H
#define DCELITE_LITTLE_ENDIAN_H

#include <stdint.h>
#include <string.h>

namespace dce {

inline uint32_t read_u32(const uint8_t *bytes) {
    return static_cast<uint32_t>(bytes[0]) | static_cast<uint32_t>(bytes[1]) << 8 |
           static_cast<uint32_t>(bytes[2]) << 16 | static_cast<uint32_t>(bytes[3]) << 24;
}

inline float read_f32(const uint8_t *bytes) {
    const uint32_t bits = read_u32(bytes);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

}  // namespace dce

#endif
