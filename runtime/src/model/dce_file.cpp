#include "model/dce_file.h"

#include <math.h>
#include <string.h>

#include "little_endian.h"

namespace dce {
namespace {

// CRC-32 of IEEE 802.3, reflected, bit by bit: a model is read once.
uint32_t crc32(const uint8_t *bytes, size_t size) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; ++i) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

// Hands out the values of an int8 layer one after the other.
struct Int8Reader {
    const uint8_t *bytes;
    const char *problem = nullptr;

    void weights(int count, int8_t *values) {
        memcpy(values, bytes, static_cast<size_t>(count));
        bytes += count;
        for (int i = 0; i < count; ++i)
            if (values[i] == -128) problem = "a weight of -128";
    }

    void biases(int count, int32_t *values) {
        for (int i = 0; i < count; ++i, bytes += sizeof(int32_t)) {
            values[i] = static_cast<int32_t>(read_u32(bytes));
            if (values[i] < -kLargestBias || values[i] > kLargestBias) problem = "a bias out of range";
        }
    }

    void multipliers(int count, float *values) {
        for (int i = 0; i < count; ++i, bytes += sizeof(float)) {
            values[i] = read_f32(bytes);
            if (!(values[i] >= 0.0f && values[i] <= kLargestMultiplier)) problem = "a multiplier out of range";
        }
    }
};

}  // namespace

dce_status read_dce_header(const uint8_t *bytes, size_t size, const char *name, DceHeader *header, Error *error) {
    if (size < kDceHeaderSize)
        return error->set(DCE_ERROR_MODEL, "%s: %zu bytes are too few for a .dce model (truncated?)", name, size);
    if (memcmp(bytes, kDceMagic, sizeof kDceMagic) != 0)
        return error->set(DCE_ERROR_MODEL, "%s: is not a .dce model (wrong signature)", name);
    uint32_t *fields[] = {&header->version,   &header->checksum, &header->file_size,  &header->architecture, &header->precision,
                          &header->scale,     &header->iterations, &header->filters, &header->map_channels};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; ++i) *fields[i] = read_u32(bytes + sizeof kDceMagic + 4 * i);
    if (header->version != kDceVersion)
        return error->set(DCE_ERROR_MODEL, "%s: format version %u, this library reads version %u", name, header->version,
                          kDceVersion);
    if (header->file_size != size)
        return error->set(DCE_ERROR_MODEL, "%s: %zu bytes, %u were wanted (truncated or extended)", name, size,
                          header->file_size);
    if (header->checksum != crc32(bytes + kDceChecked, size - kDceChecked))
        return error->set(DCE_ERROR_MODEL, "%s: checksum does not match, the file is damaged", name);
    if (header->architecture < DCE_ARCHITECTURE_ZERODCEPP || header->architecture > DCE_ARCHITECTURE_ZERODCEPP_SCENE)
        return error->set(DCE_ERROR_MODEL, "%s: unknown architecture %u", name, header->architecture);
    if (header->precision > kDceInt8)
        return error->set(DCE_ERROR_MODEL, "%s: unknown precision %u", name, header->precision);
    if (header->precision == kDceInt8 && header->architecture == DCE_ARCHITECTURE_ZERODCE)
        return error->set(DCE_ERROR_MODEL, "%s: int8 weights of Zero-DCE; those of Zero-DCE++ were wanted", name);
    if (header->scale < 1 || header->scale > DCE_MAX_SCALE)
        return error->set(DCE_ERROR_MODEL, "%s: scale %u, 1 to %d was wanted", name, header->scale, DCE_MAX_SCALE);
    const uint32_t channels = header->architecture == DCE_ARCHITECTURE_ZERODCE ? 3 * DCE_ITERATIONS : 3;
    if (header->iterations != DCE_ITERATIONS || header->filters != kFilters || header->map_channels != channels)
        return error->set(DCE_ERROR_MODEL,
                          "%s: %u iterations, %u filters, %u map channels; %d, %d and %u were wanted", name,
                          header->iterations, header->filters, header->map_channels, DCE_ITERATIONS, kFilters, channels);
    return DCE_OK;
}

size_t dce_layer_bytes(const LayerShape &shape, bool separable, bool is_int8) {
    if (!is_int8) return sizeof(float) * layer_parameters(shape, separable);
    constexpr int kOfChannel = sizeof(int32_t) + sizeof(float);  // bias and multiplier
    return static_cast<size_t>(shape.inputs * (kTaps + kOfChannel) + shape.outputs * (shape.inputs + kOfChannel));
}

const char *read_dce_floats(const uint8_t *bytes, size_t count, float *values) {
    for (size_t i = 0; i < count; ++i) {
        values[i] = read_f32(bytes + sizeof(float) * i);
        if (!isfinite(values[i])) return "a weight that is not finite";
    }
    return nullptr;
}

const char *read_dce_layer(const uint8_t *bytes, const LayerShape &shape, bool separable, float *values) {
    return read_dce_floats(bytes, layer_parameters(shape, separable), values);
}

const char *read_dce_layer(const uint8_t *bytes, const LayerShape &shape, Int8Values *values) {
    Int8Reader reader{bytes};
    reader.weights(shape.inputs * kTaps, values->depth);
    reader.biases(shape.inputs, values->depth_bias);
    reader.multipliers(shape.inputs, values->depth_multiplier);
    reader.weights(shape.outputs * shape.inputs, values->point);
    reader.biases(shape.outputs, values->bias);
    reader.multipliers(shape.outputs, values->multiplier);
    return reader.problem;
}

}  // namespace dce
