#include "network/calibration.h"

#include <string.h>

#include "network/scene.h"
#include "network/shape.h"

namespace dce {
namespace {

constexpr int kSize = 16;  // pixels of a picture, each way: the network sees 15 around each
constexpr int kPictures = 21 + 32;

// A random number, the same again and again.
uint32_t mix(uint32_t value) {
    value = (value ^ value >> 16) * 0x45d9f3bu;
    value = (value ^ value >> 16) * 0x45d9f3bu;
    return value ^ value >> 16;
}

// Channel c of a pixel of a picture, 0 … 1: flat grays; the six pure colors, bright and dark; a ramp; then squares of random
// colors, from pixels to half of the picture, that are bright, or dark, or black and white.
float pixel_of(int picture, int x, int y, int c) {
    static const float kLevels[] = {0.0f, 0.004f, 0.02f, 0.06f, 0.15f, 0.3f, 0.6f, 1.0f};
    if (picture < 8) return kLevels[picture];
    if (picture < 20) {
        const int color = (picture - 8) % 6 + 1;
        return (color >> c & 1) ? picture < 14 ? 1.0f : 0.2f : 0.0f;
    }
    if (picture == 20) return static_cast<float>(x) / (kSize - 1);
    const int kind = picture - 21, shift = kind % 4;
    const uint32_t square = static_cast<uint32_t>((x >> shift) + (y >> shift) * kSize + kind * kSize * kSize);
    const uint32_t random = mix(3 * square + static_cast<uint32_t>(c) + 1);
    const float level = static_cast<float>(random >> 8) / 16777216.0f;
    switch (kind / 4 % 4) {
        case 0: return mix(square) & 1 ? 1.0f : 0.0f;
        case 1: return random & 1 ? 1.0f : 0.0f;
        case 2: return level;
        default: return level * level * level;
    }
}

// Rows of all layers' outputs, of one picture: each with a pixel of zeros around it.
class SmallNetwork {
public:
    bool prepare() {
        if (!values_.reserve(kFloats)) return false;
        memset(values_.data(), 0, kFloats * sizeof(float));
        return true;
    }

    float *row(int k, int y) {
        const int channels = k == 0 ? 3 : kFilters;
        return values_.data() + (k == 0 ? 0 : kPixels * (3 + kFilters * (k - 1))) + ((y + 1) * kPitch + 1) * channels;
    }

    void run(const Dsp &dsp, const Model &model, const Scene &scene, OutputRanges *ranges) {
        alignas(64) float scratch[kScratchFloats];
        for (int number = 1; number < kLayers; ++number) {
            Layer layer = model.layers[number - 1];
            scene.steer(number, &layer);
            for (int y = 0; y < kSize; ++y) {
                LayerInput input = {};
                for (int s = 0; s < 2; ++s) {
                    const int k = kSources[number - 1][s];
                    input.channels[s] = k < 0 ? 0 : k == 0 ? 3 : kFilters;
                    for (int r = 0; k >= 0 && r < 3; ++r) input.rows[s][r] = row(k, y + r - 1);
                }
                float *output = row(number, y);
                dsp.convolution->separable_row(layer, input, kSize, Activation::kRelu, scratch, output);
                for (int i = 0; i < kSize * kFilters; ++i) {
                    float &range = (*ranges)[number - 1][i % kFilters];
                    if (output[i] > range) range = output[i];
                }
            }
        }
    }

private:
    static constexpr int kPitch = kSize + 2, kPixels = kPitch * kPitch;
    static constexpr size_t kFloats = static_cast<size_t>(kPixels) * (3 + kFilters * (kLayers - 1));
    Buffer<float> values_;
};

}  // namespace

bool measure_outputs(const Dsp &dsp, const Model &model, OutputRanges *ranges) {
    SmallNetwork network;
    Scene scene(model);
    if (!network.prepare() || !scene.prepare()) return false;
    memset(*ranges, 0, sizeof *ranges);
    for (int picture = 0; picture < kPictures; ++picture) {
        SceneCounts counts;
        counts.clear();
        for (int y = 0; y < kSize; ++y) {
            float *row = network.row(0, y);
            for (int i = 0; i < 3 * kSize; ++i) row[i] = pixel_of(picture, i / 3, y, i % 3);
            counts.add_row(row, kSize);
        }
        if (scene.is_used()) scene.set(counts);
        network.run(dsp, model, scene, ranges);
    }
    return true;
}

}  // namespace dce
