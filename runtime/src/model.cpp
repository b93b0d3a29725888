#include "model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "little_endian.h"
#include "model_int8.h"

namespace dce {
namespace {

constexpr uint8_t kMagic[8] = {0x89, 'D', 'C', 'E', '\r', '\n', 0x1a, '\n'};
constexpr uint32_t kVersion = 1;
constexpr uint32_t kInt8 = 1;  // precision
constexpr size_t kHeaderSize = 64;
constexpr size_t kLargestFile = 1 << 20;  // bytes; the largest valid file, Zero-DCE in float32, has 317,728

struct Header {
    uint32_t version, checksum, file_size, architecture, precision, scale, iterations, filters, map_channels;
};

// CRC-32 of IEEE 802.3, reflected, bit by bit: a model is read once.
uint32_t crc32(const uint8_t *bytes, size_t size) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; ++i) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

// Channels into and out of each layer: layers 5 to 7 read a concatenation of two earlier ones.
void set_shapes(Model *model) {
    for (int i = 0; i < kLayers; ++i) {
        model->layers[i].inputs = i == 0 ? 3 : i < 4 ? kFilters : 2 * kFilters;
        model->layers[i].outputs = i == kLayers - 1 ? model->map_channels : kFilters;
    }
}

int parameters_of(const Layer &layer, bool separable) {
    if (separable) return layer.inputs * (kTaps + 1) + layer.outputs * (layer.inputs + 1);
    return layer.outputs * (layer.inputs * kTaps + 1);
}

// Floats that a layer takes in memory; every array starts on a whole channel block, hence on an aligned address.
size_t packed_size(const Layer &layer, bool separable) {
    const size_t inputs = padded_channels(layer.inputs);
    const size_t outputs = layer.padded_outputs();
    if (separable) return kTaps * inputs + inputs + layer.inputs * outputs + outputs;
    return kTaps * layer.inputs * outputs + outputs;
}

constexpr size_t kRepeatedSize = static_cast<size_t>(kTaps + 1) * 3 * kRepeated;
constexpr size_t kTransposedSize = 3 * 2 * kFilters;

// Hands out the float32 values of the payload one after the other, and space in the model's weights.
struct Packer {
    const uint8_t *source;
    float *destination;
    bool finite = true;

    float next() {
        const float value = read_f32(source);
        source += sizeof(float);
        finite = finite && isfinite(value);
        return value;
    }

    float *take(size_t floats) {
        float *start = destination;
        destination += floats;
        return start;
    }

    const float *bias(int channels) {
        float *packed = take(padded_channels(channels));
        for (int c = 0; c < channels; ++c) packed[c] = next();
        return packed;
    }

    // (channels, 3, 3) -> (9, channels)
    const float *depthwise(int channels) {
        float *packed = take(static_cast<size_t>(kTaps) * padded_channels(channels));
        for (int c = 0; c < channels; ++c)
            for (int tap = 0; tap < kTaps; ++tap) packed[tap * channels + c] = next();
        return packed;
    }

    // (outputs, inputs, taps) -> (taps, inputs, padded outputs)
    const float *dense(const Layer &layer, int taps) {
        const int outputs = layer.padded_outputs();
        float *packed = take(static_cast<size_t>(taps) * layer.inputs * outputs);
        for (int o = 0; o < layer.outputs; ++o)
            for (int i = 0; i < layer.inputs; ++i)
                for (int tap = 0; tap < taps; ++tap) packed[(tap * layer.inputs + i) * outputs + o] = next();
        return packed;
    }
};

dce_status check_header(const uint8_t *bytes, size_t size, const char *name, Header *header, Error *error) {
    if (size < kHeaderSize)
        return error->set(DCE_ERROR_MODEL, "%s: %zu bytes are too few for a .dce model (truncated?)", name, size);
    if (memcmp(bytes, kMagic, sizeof kMagic) != 0)
        return error->set(DCE_ERROR_MODEL, "%s: is not a .dce model (wrong signature)", name);
    uint32_t *fields[] = {&header->version,   &header->checksum, &header->file_size,  &header->architecture, &header->precision,
                          &header->scale,     &header->iterations, &header->filters, &header->map_channels};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; ++i) *fields[i] = read_u32(bytes + sizeof kMagic + 4 * i);
    if (header->version != kVersion)
        return error->set(DCE_ERROR_MODEL, "%s: format version %u, this library reads version %u", name, header->version,
                          kVersion);
    if (header->file_size != size)
        return error->set(DCE_ERROR_MODEL, "%s: %zu bytes, %u were wanted (truncated or extended)", name, size,
                          header->file_size);
    if (header->checksum != crc32(bytes + 16, size - 16))
        return error->set(DCE_ERROR_MODEL, "%s: checksum does not match, the file is damaged", name);
    if (header->architecture != DCE_ARCHITECTURE_ZERODCEPP && header->architecture != DCE_ARCHITECTURE_ZERODCE)
        return error->set(DCE_ERROR_MODEL, "%s: unknown architecture %u", name, header->architecture);
    if (header->precision > kInt8) return error->set(DCE_ERROR_MODEL, "%s: unknown precision %u", name, header->precision);
    if (header->precision == kInt8 && header->architecture != DCE_ARCHITECTURE_ZERODCEPP)
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

}  // namespace

void repeat_depth(const Layer &layer, float *packed) {
    for (int row = 0; row <= kTaps; ++row)
        for (int i = 0; i < 3 * kRepeated; ++i)
            packed[row * 3 * kRepeated + i] = row < kTaps ? layer.depth[row * 3 + i % 3] : layer.depth_bias[i % 3];
}

void transpose_weight(const Layer &layer, float *packed) {
    for (int o = 0; o < 3; ++o)
        for (int i = 0; i < layer.inputs; ++i) packed[o * layer.inputs + i] = layer.weight[i * layer.padded_outputs() + o];
}

dce_status read_model(const uint8_t *bytes, size_t size, const char *name, Model *model, Error *error) {
    Header header;
    const dce_status status = check_header(bytes, size, name, &header, error);
    if (status != DCE_OK) return status;

    model->architecture = static_cast<dce_architecture>(header.architecture);
    model->scale = static_cast<int>(header.scale);
    model->map_channels = static_cast<int>(header.map_channels);
    set_shapes(model);
    const bool separable = model->architecture == DCE_ARCHITECTURE_ZERODCEPP;
    size_t packed = 0;
    model->parameters = 0;
    for (const Layer &layer : model->layers) {
        model->parameters += parameters_of(layer, separable);
        packed += packed_size(layer, separable);
    }
    if (separable) packed += kRepeatedSize + kTransposedSize;
    model->is_int8 = header.precision == kInt8;
    const size_t payload =
        model->is_int8 ? int8_payload_size(*model) : sizeof(float) * static_cast<size_t>(model->parameters);
    const size_t wanted = kHeaderSize + payload;
    if (size != wanted)
        return error->set(DCE_ERROR_MODEL, "%s: %zu bytes, %zu were wanted for this architecture", name, size, wanted);
    if (model->is_int8) return read_int8_payload(bytes + kHeaderSize, name, model, error);
    if (!model->weights.reserve(packed))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "%s: no memory for %zu weights", name, packed);
    memset(model->weights.data(), 0, packed * sizeof(float));

    Packer packer{bytes + kHeaderSize, model->weights.data()};
    for (Layer &layer : model->layers) {
        if (separable) {
            layer.depth = packer.depthwise(layer.inputs);
            layer.depth_bias = packer.bias(layer.inputs);
        }
        layer.weight = packer.dense(layer, separable ? 1 : kTaps);
        layer.bias = packer.bias(layer.outputs);
        if (!packer.finite)
            return error->set(DCE_ERROR_MODEL, "%s: e_conv%d has a weight that is not finite", name,
                              static_cast<int>(&layer - model->layers) + 1);
    }
    if (separable) {
        Layer &first = model->layers[0], &last = model->layers[kLayers - 1];
        float *repeated = packer.take(kRepeatedSize), *transposed = packer.take(kTransposedSize);
        repeat_depth(first, repeated);
        transpose_weight(last, transposed);
        first.repeated_depth = repeated;
        last.transposed_weight = transposed;
    }
    return DCE_OK;
}

dce_status read_model_file(const char *path, Model *model, Error *error) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return error->set(DCE_ERROR_FILE, "%s: cannot be opened (no such file, or no permission to read it)", path);
    Buffer<uint8_t> bytes;
    if (!bytes.reserve(kLargestFile)) {
        fclose(file);
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "%s: no memory to read the model", path);
    }
    const size_t size = fread(bytes.data(), 1, kLargestFile, file);
    const bool failed = ferror(file) != 0;
    fclose(file);
    if (failed) return error->set(DCE_ERROR_FILE, "%s: cannot be read (a file was wanted)", path);
    return read_model(bytes.data(), size, path, model, error);
}

}  // namespace dce
