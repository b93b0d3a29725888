// The frames of a video: the curve map that stays from frame to frame, when it is estimated, and when it begins anew.
#ifndef DCELITE_FRAME_VIDEO_H
#define DCELITE_FRAME_VIDEO_H

#include "dcelite.h"
#include "frame/small_picture.h"

namespace dce {

class Video {
public:
    // See dce_options.
    Video(float smoothing, int interval) : smoothing_(smoothing), interval_(interval) {}

    // False: every frame is on its own, and nothing here is used.
    bool active() const { return smoothing_ > 0.0f || interval_ > 1; }

    // The frame that next_frame was told of last begins a video, or a scene.
    bool begins() const { return begins_; }

    // True: brightness is to be measured and held.
    bool holds() const { return smoothing_ > 0.0f; }

    void set_smoothing(float smoothing) {
        if (!holds()) reset();
        smoothing_ = smoothing;
    }

    void reset() { has_history_ = false; }

    // Makes room for the map of a frame; another size than before begins a new video. False: no memory.
    bool prepare(int width, int height, int map_channels);

    // The curve map (height, width, map channels).
    const float *map_row(int y) const { return map_.data() + static_cast<size_t>(y) * width_ * map_channels_; }

    // Takes note of the frame. True: its map is to be estimated, and each row given to blend_row, which any thread may call.
    bool next_frame(const SmallPicture &picture);
    void blend_row(int y, const float *estimate);

    // The factor of the map with which the result has the brightness to be held. `brightness` is the mean of the result, 0 …
    // 1, with factor 1; `weights` are those of red, green and blue in it.
    float gain(const SmallPicture &picture, double brightness, float strength, const float weights[3]);

private:
    static constexpr int kCells = 8;  // each way, of the grid that scene cuts are detected on

    bool is_cut(const SmallPicture &picture);
    double brightness_slope(const SmallPicture &picture, float strength, const float weights[3]) const;

    float smoothing_;
    const int interval_;
    int width_ = 0, height_ = 0, map_channels_ = 0;
    Buffer<float> map_;
    bool has_history_ = false;
    bool begins_ = false;  // the current frame is the first of a scene
    int age_ = 0;          // frames since the map was estimated
    double held_ = 0.0;    // brightness
    float cells_[kCells][kCells][3] = {};
};

}  // namespace dce

#endif
