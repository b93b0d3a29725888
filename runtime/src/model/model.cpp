#include "model/model.h"

#include <string.h>

#include "model/dce_file.h"
#include "platform.h"

namespace dce {
namespace {

// Channels into and out of each layer: layers 5 to 7 read a concatenation of two earlier ones.
LayerShape shape_of(int layer, int map_channels) {
    return {layer == 0 ? 3 : layer < 4 ? kFilters : 2 * kFilters, layer == kLayers - 1 ? map_channels : kFilters};
}

// Reads the weights of layer `i` into memory that is zero. Null, or what is wrong; `values` has room for those of any layer.
const char *read_layer(const uint8_t *bytes, int i, float *values, int32_t *integers, float *floats, Model *model) {
    Layer &layer = model->layers[i];
    Int8Values int8_values;
    const char *problem = model->is_int8 ? read_dce_layer(bytes, layer, &int8_values)
                                         : read_dce_layer(bytes, layer, model->is_separable(), values);
    if (problem) return problem;
    if (model->is_int8)
        pack_layer(int8_values, integers, floats, &model->int8_layers[i]);
    else
        pack_layer(values, model->is_separable(), floats, &layer);
    return nullptr;
}

// Reads the scene head into memory. Null, or what is wrong.
const char *read_scene_head(const uint8_t *bytes, float *floats, SceneHead *head) {
    head->hidden_weight = floats;
    head->hidden_bias = head->hidden_weight + kSceneHidden * kSceneStatistics;
    head->output_weight = head->hidden_bias + kSceneHidden;
    head->output_bias = head->output_weight + kSteeredLayers * kFilters * kSceneHidden;
    return read_dce_floats(bytes, kSceneParameters, floats);
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
    const bool separable = model->is_separable();
    size_t begin[kLayers + 1] = {kDceHeaderSize}, integers[kLayers + 1] = {}, floats[kLayers + 1] = {}, parameters = 0, most = 0;
    for (int i = 0; i < kLayers; ++i) {
        const LayerShape shape = shape_of(i, model->map_channels);
        static_cast<LayerShape &>(model->layers[i]) = static_cast<LayerShape &>(model->int8_layers[i]) = shape;
        const size_t own = layer_parameters(shape, separable);
        parameters += own;
        if (own > most) most = own;
        begin[i + 1] = begin[i] + dce_layer_bytes(shape, separable, model->is_int8);
        integers[i + 1] = integers[i] + (model->is_int8 ? packed_integers(shape) : 0);
        floats[i + 1] = floats[i] + (model->is_int8 ? packed_multipliers(shape) : packed_floats(shape, separable));
    }
    const size_t head = model->has_scene() ? kSceneParameters : 0, wanted = begin[kLayers] + sizeof(float) * head;
    model->parameters = static_cast<int>(parameters + head);
    if (size != wanted)
        return error->set(DCE_ERROR_MODEL, "%s: %zu bytes, %zu were wanted for this architecture", name, size, wanted);
    Buffer<float> values;  // of a layer, as the file has them
    if (!model->integers.reserve(integers[kLayers]) || !model->floats.reserve(floats[kLayers] + head) || !values.reserve(most))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "%s: no memory for %zu weights", name, parameters);
    if (model->is_int8) memset(model->integers.data(), 0, integers[kLayers] * sizeof(int32_t));
    memset(model->floats.data(), 0, floats[kLayers] * sizeof(float));
    for (int i = 0; i < kLayers; ++i) {
        const char *problem = read_layer(bytes + begin[i], i, values.data(), model->integers.data() + integers[i],
                                         model->floats.data() + floats[i], model);
        if (problem) return error->set(DCE_ERROR_MODEL, "%s: e_conv%d has %s", name, i + 1, problem);
    }
    const char *problem =
        head ? read_scene_head(bytes + begin[kLayers], model->floats.data() + floats[kLayers], &model->scene) : nullptr;
    if (problem) return error->set(DCE_ERROR_MODEL, "%s: the scene head has %s", name, problem);
    return DCE_OK;
}

dce_status read_model_file(const char *path, Model *model, Error *error) {
    FILE *file = open_to_read(path);
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
