// A model in memory: what a .dce file holds, its weights as kernels want them.
#ifndef DCELITE_MODEL_MODEL_H
#define DCELITE_MODEL_MODEL_H

#include "dsp/weights.h"
#include "error.h"
#include "memory.h"

namespace dce {

constexpr int kLayers = 7;

// Of the scene head: see network/scene.h.
constexpr int kSceneBins = 16;
constexpr int kSceneStatistics = 2 * kSceneBins + 3;
constexpr int kSceneHidden = 16;
constexpr int kSteeredLayers = 2;

struct SceneHead {
    const float *hidden_weight = nullptr;  // (kSceneHidden, kSceneStatistics)
    const float *hidden_bias = nullptr;    // (kSceneHidden)
    const float *output_weight = nullptr;  // (kSteeredLayers * kFilters, kSceneHidden)
    const float *output_bias = nullptr;    // (kSteeredLayers * kFilters)
};

constexpr size_t kSceneParameters =
    kSceneHidden * (kSceneStatistics + 1) + size_t{kSteeredLayers} * kFilters * (kSceneHidden + 1);

struct Model {
    dce_architecture architecture = DCE_ARCHITECTURE_ZERODCEPP;
    bool is_int8 = false;
    bool is_fixed = false;  // besides, in fixed point: see network/fixed_model.h
    int scale = 0;
    int map_channels = 0;
    int parameters = 0;
    Layer layers[kLayers];
    Int8Layer int8_layers[kLayers];  // of an int8 model, which has no weights in `layers`
    SceneHead scene;
    Buffer<float> floats;            // what the layers point into
    Buffer<int32_t> integers;
    Buffer<FixedLayer> fixed_layers;
    Buffer<float> fixed_floats;
    Layer fixed_first;  // layer 1, with its outputs in the order of fixed_layers[0]

    bool is_separable() const { return architecture != DCE_ARCHITECTURE_ZERODCE; }
    bool has_scene() const { return architecture == DCE_ARCHITECTURE_ZERODCEPP_SCENE; }
};

// Reads the bytes of a .dce file. `name` is what the error message calls it.
dce_status read_model(const uint8_t *bytes, size_t size, const char *name, Model *model, Error *error);

// Reads a .dce file.
dce_status read_model_file(const char *path, Model *model, Error *error);

// The bytes of the shipped weights, generated from models/zerodcepp_scene.dce at build time.
extern const uint8_t kDefaultModel[];
extern const size_t kDefaultModelSize;

}  // namespace dce

#endif
