// Where the curve map comes from: the built-in network, row by row in bands, or an engine, all at once.
#ifndef DCELITE_FRAME_MAP_SOURCE_H
#define DCELITE_FRAME_MAP_SOURCE_H

#include "frame/rows.h"
#include "network/network.h"

namespace dce {

class MapSource {
public:
    // The model stays the caller's. `engine` is null for the built-in network.
    MapSource(const Dsp &dsp, const Model &model, const dce_engine *engine) : dsp_(dsp), model_(model), engine_(engine) {}

    int map_channels() const { return engine_ ? engine_->map_channels : model_.map_channels; }
    bool is_network() const { return !engine_; }

    // To be called for each frame whose map is wanted.
    dce_status start_frame(const Frame &frame, StageTimes *times, Error *error);

    // Prepares for rows of the map from `first` on. False: no memory.
    bool start_rows(CurveNetwork *network, const FrameSize &size, int first, RowSource input) const {
        return engine_ || network->start(dsp_, model_, size.low_width, size.low_height, first, input);
    }

    // Row y of the map, (low width, map channels); rows of one network are asked for in ascending order.
    void next_row(CurveNetwork *network, int y, float *row) const;

private:
    const Dsp &dsp_;
    const Model &model_;
    const dce_engine *engine_;

    int width_ = 0, height_ = 0;  // of the engine's map
    Buffer<float> row_;           // (width, 3)
    Buffer<float> image_;         // (3, height, width)
    Buffer<float> map_;           // (map channels, height, width)
};

}  // namespace dce

#endif
