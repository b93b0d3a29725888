#include "frame/map_source.h"

namespace dce {

dce_status MapSource::start_frame(const SmallPicture &picture, const SceneCounts &counts, StageTimes *times, Error *error) {
    const Stopwatch stopwatch(times, kNetworkStage);
    width_ = picture.width;
    height_ = picture.height;
    const size_t area = static_cast<size_t>(width_) * height_;  // below 2^32
    if (engine_ ? !planes_.reserve(area, 3) || !map_.reserve(area, map_channels()) : !scene_.prepare())
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for a curve map of %d x %d", width_, height_);
    if (!engine_) {
        scene_.set(counts);
        return DCE_OK;
    }
    for (size_t i = 0; i < area; ++i)
        for (int c = 0; c < 3; ++c) planes_[c * area + i] = picture.pixel(i)[c];
    char message[256] = "";
    if (engine_->run(engine_->context, planes_.data(), height_, width_, map_.data(), message, sizeof message) != 0) {
        message[sizeof message - 1] = '\0';
        return error->set(DCE_ERROR_ENGINE, "the engine failed: %s", message[0] ? message : "it gave no reason");
    }
    return DCE_OK;
}

void MapSource::next_row(CurveNetwork *network, int y, float *row) const {
    if (!engine_) return network->next(row);
    const int channels = map_channels();
    const size_t area = static_cast<size_t>(width_) * height_;
    const float *planes = map_.data() + static_cast<size_t>(y) * width_;
    for (int c = 0; c < channels; ++c)
        for (int x = 0; x < width_; ++x) row[static_cast<size_t>(x) * channels + c] = planes[c * area + x];
}

}  // namespace dce
