// Where the curve map comes from: the built-in network, row by row in bands, or an engine, all at once.
#ifndef DCELITE_FRAME_MAP_SOURCE_H
#define DCELITE_FRAME_MAP_SOURCE_H

#include "frame/rows.h"
#include "frame/small_picture.h"
#include "network/network.h"

namespace dce {

class MapSource {
public:
    // The model stays the caller's. `engine` is null for the built-in network.
    MapSource(const Dsp &dsp, const Model &model, const dce_engine *engine)
        : dsp_(dsp), model_(model), engine_(engine), scene_(model) {}

    int map_channels() const { return engine_ ? engine_->map_channels : model_.map_channels; }
    bool is_network() const { return !engine_; }

    // Whether the network is steered by the picture, whose pixels are then to be counted.
    bool has_scene() const { return is_network() && scene_.is_used(); }

    // Whether there is to be a whole picture before the first row of the map.
    bool needs_picture() const { return engine_ || has_scene(); }

    // To be called for each frame whose map is wanted, where the picture is needed, with its counts where it has a scene.
    dce_status start_frame(const SmallPicture &picture, const SceneCounts &counts, StageTimes *times, Error *error);

    // Prepares for rows of the map from `first` on. False: no memory.
    bool start_rows(CurveNetwork *network, const FrameSize &size, int first, RowSource input) const {
        return engine_ || network->start(dsp_, model_, scene_, size.low_width, size.low_height, first, input);
    }

    // Row y of the map, (low width, map channels); rows of one network are asked for in ascending order.
    void next_row(CurveNetwork *network, int y, float *row) const;

private:
    const Dsp &dsp_;
    const Model &model_;
    const dce_engine *engine_;

    Scene scene_;
    int width_ = 0, height_ = 0;  // of the engine's map
    Buffer<float> planes_;        // (3, height, width)
    Buffer<float> map_;           // (map channels, height, width)
};

}  // namespace dce

#endif
