// The scene head: what the whole downsampled picture is like steers the network. Statistics of the picture become, by two
// fully connected layers, what is added to the biases of layers 1 and 6 for a frame; dcelite.reference states the same in
// NumPy. Pixels are counted in integers, a pixel as kWholePixel, and the rest is floating point without contraction, so the result
// depends neither on the number of threads nor on the processor, not by a bit.
#ifndef DCELITE_NETWORK_SCENE_H
#define DCELITE_NETWORK_SCENE_H

#include "model/model.h"

namespace dce {

constexpr int kWholePixel = 1 << 20;  // what is left of the 24 bits of a float that reaches to 15

// How many pixels have which brightness: of all of them, or of those of one thread.
struct SceneCounts {
    uint64_t pixels;
    uint64_t brightest[kSceneBins];  // by the root of max(R, G, B)
    uint64_t mean[kSceneBins];       // by the root of (R + G + B) / 3
    uint64_t channels[3];            // sums of R, G, B

    void clear();
    void add_row(const float *row, int width);  // (width, 3), 0 … 1
    void add(const SceneCounts &other);
};

class Scene {
public:
    explicit Scene(const Model &model) : model_(model) {}

    bool is_used() const { return model_.has_scene(); }

    // Makes room; false: no memory.
    bool prepare();

    // The frame whose pixels were counted.
    void set(const SceneCounts &counts);

    // The layer, 1 … 7, with the biases of the frame.
    void steer(int number, Layer *layer) const;
    void steer(int number, Int8Layer *layer) const;
    void steer(int number, const int32_t **bias) const;  // of a layer in fixed point

    // kSceneStatistics values, as dcelite.reference.scene_statistics has them.
    static void statistics(const SceneCounts &counts, double *values);

private:
    void fix_biases();

    const Model &model_;
    Buffer<float> bias_;      // (steered layers, kFilters)
    Buffer<int32_t> integer_bias_;  // (steered layers, 2, kFilters): bias, bias_signed; in fixed point, (steered layers, kFilters)
};

}  // namespace dce

#endif
