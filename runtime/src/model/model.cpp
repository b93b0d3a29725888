#include "model/model.h"

#include <stdio.h>
#include <string.h>

#include "model/dce_file.h"

namespace dce {
namespace {

// Channels into and out of each layer: layers 5 to 7 read a concatenation of two earlier ones.
LayerShape shape_of(int layer, int map_channels) {
    return {layer == 0 ? 3 : layer < 4 ? kFilters : 2 * kFilters, layer == kLayers - 1 ? map_channels : kFilters};
}

dce_status refuse_layer(int layer, const char *problem, const char *name, Error *error) {
    return error->set(DCE_ERROR_MODEL, "%s: e_conv%d has %s", name, layer + 1, problem);
}

dce_status read_floats(const uint8_t *bytes, const char *name, Model *model, Error *error) {
    const bool separable = model->is_separable();
    size_t packed = 0, most = 0;  // floats of all layers, values of the largest
    for (const Layer &layer : model->layers) {
        const size_t parameters = layer_parameters(layer, separable);
        packed += packed_floats(layer, separable);
        if (parameters > most) most = parameters;
    }
    Buffer<float> values;
    if (!model->floats.reserve(packed) || !values.reserve(most))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "%s: no memory for %zu weights", name, packed);
    memset(model->floats.data(), 0, packed * sizeof(float));
    float *memory = model->floats.data();
    for (int i = 0; i < kLayers; ++i) {
        Layer &layer = model->layers[i];
        const char *problem = read_dce_layer(bytes, layer, separable, values.data());
        if (problem) return refuse_layer(i, problem, name, error);
        pack_layer(values.data(), separable, memory, &layer);
        bytes += dce_layer_bytes(layer, separable, false);
        memory += packed_floats(layer, separable);
    }
    return DCE_OK;
}

dce_status read_integers(const uint8_t *bytes, const char *name, Model *model, Error *error) {
    size_t integers = 0, multipliers = 0;
    for (const LayerShape &shape : model->int8_layers) {
        integers += packed_integers(shape);
        multipliers += packed_multipliers(shape);
    }
    if (!model->integers.reserve(integers) || !model->floats.reserve(multipliers))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "%s: no memory for %zu weights", name, integers + multipliers);
    memset(model->integers.data(), 0, integers * sizeof(int32_t));
    memset(model->floats.data(), 0, multipliers * sizeof(float));
    int32_t *memory = model->integers.data();
    float *floats = model->floats.data();
    for (int i = 0; i < kLayers; ++i) {
        Int8Layer &layer = model->int8_layers[i];
        Int8Values values;
        const char *problem = read_dce_layer(bytes, layer, &values);
        if (problem) return refuse_layer(i, problem, name, error);
        pack_layer(values, memory, floats, &layer);
        bytes += dce_layer_bytes(layer, true, true);
        memory += packed_integers(layer);
        floats += packed_multipliers(layer);
    }
    return DCE_OK;
}

}  // namespace

dce_status read_model(const uint8_t *bytes, size_t size, const char *name, Model *model, Error *error) {
    DceHeader header;
    const dce_status status = read_dce_header(bytes, size, name, &header, error);
    if (status != DCE_OK) return status;
    model->architecture = static_cast<dce_architecture>(header.architecture);
    model->is_int8 = header.precision == kDceInt8;
    model->scale = static_cast<int>(header.scale);
    model->map_channels = static_cast<int>(header.map_channels);
    model->parameters = 0;
    size_t wanted = kDceHeaderSize;
    for (int i = 0; i < kLayers; ++i) {
        const LayerShape shape = shape_of(i, model->map_channels);
        static_cast<LayerShape &>(model->layers[i]) = shape;
        static_cast<LayerShape &>(model->int8_layers[i]) = shape;
        model->parameters += static_cast<int>(layer_parameters(shape, model->is_separable()));
        wanted += dce_layer_bytes(shape, model->is_separable(), model->is_int8);
    }
    if (size != wanted)
        return error->set(DCE_ERROR_MODEL, "%s: %zu bytes, %zu were wanted for this architecture", name, size, wanted);
    const auto read_layers = model->is_int8 ? read_integers : read_floats;
    return read_layers(bytes + kDceHeaderSize, name, model, error);
}

dce_status read_model_file(const char *path, Model *model, Error *error) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return error->set(DCE_ERROR_FILE, "%s: cannot be opened (no such file, or no permission to read it)", path);
    Buffer<uint8_t> bytes;
    if (!bytes.reserve(kLargestDce)) {
        fclose(file);
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "%s: no memory to read the model", path);
    }
    const size_t size = fread(bytes.data(), 1, kLargestDce, file);
    const bool failed = ferror(file) != 0;
    fclose(file);
    if (failed) return error->set(DCE_ERROR_FILE, "%s: cannot be read (a file was wanted)", path);
    return read_model(bytes.data(), size, path, model, error);
}

}  // namespace dce
