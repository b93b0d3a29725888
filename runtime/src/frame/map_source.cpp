#include "frame/map_source.h"

namespace dce {

dce_status MapSource::start_frame(const Frame &frame, StageTimes *times, Error *error) {
    if (!engine_) return DCE_OK;
    const Stopwatch stopwatch(times, kNetworkStage);
    width_ = frame.size.low_width;
    height_ = frame.size.low_height;
    const size_t area = static_cast<size_t>(width_) * height_;  // below 2^32
    if (!image_.reserve(area, 3) || !map_.reserve(area, map_channels()) || !row_.reserve(width_, 3))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for a curve map of %d x %d", width_, height_);
    for (int y = 0; y < height_; ++y) {
        const Stopwatch downsampling(times, kDownsampleStage, kNetworkStage);
        frame.rows.downsample(frame, y, row_.data());
        for (int x = 0; x < width_; ++x)
            for (int c = 0; c < 3; ++c) image_[c * area + static_cast<size_t>(y) * width_ + x] = row_[3 * x + c];
    }
    char message[256] = "";
    if (engine_->run(engine_->context, image_.data(), height_, width_, map_.data(), message, sizeof message) != 0) {
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
