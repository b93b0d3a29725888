// From a frame to an enhanced frame: downsample, curve network, upsample, curve, by bands of rows in parallel (bands.h).
//
// Frames of a video, where the map is to stay, go in steps: downsample, estimate the map, measure, enhance.
#ifndef DCELITE_FRAME_PIPELINE_H
#define DCELITE_FRAME_PIPELINE_H

#include "frame/bands.h"

namespace dce {

class Pipeline {
public:
    // The model stays the caller's. `engine` is null for the built-in network.
    Pipeline(const Dsp &dsp, const Model &model, const dce_engine *engine, int scale, const dce_options &options,
             ThreadPool &pool);

    int scale() const { return scale_; }
    int map_channels() const { return source_.map_channels(); }

    // Both expect checked images. See dce_enhance and dce_curve_map.
    dce_status enhance(const dce_image &source, const dce_image &destination, Error *error);
    dce_status curve_map(const dce_image &source, float *map, Error *error);

    void reset() {
        video_.reset();
        denoiser_.reset();
    }
    void set_denoise(float amount) { denoiser_.set_amount(amount); }
    void set_temporal_denoise(float amount) {
        if (!is_video()) reset();
        denoiser_.set_over_time(amount);
    }
    void set_strength(float strength) { strength_ = strength; }
    void set_smoothing(float smoothing) { video_.set_smoothing(smoothing); }
    void set_white(float white) {
        if (white != white_) reset();
        white_ = white;
    }

    // Of the last enhance; false: they are not kept.
    bool timings(dce_timings *timings) const;

private:
    dce_status enhance_frame(const Frame &frame, Error *error);
    dce_status set_size(const dce_image &image, Error *error);
    dce_status read_picture(const Frame &frame, StageTimes *times, Error *error);
    dce_status survey_noise(const Frame &frame, Error *error);
    dce_status prepare_map(const Frame &frame, StageTimes *times, Error *error);
    dce_status prepare_single(const Frame &frame, Error *error);
    dce_status next_frame(const Frame &frame, float *gain, Error *error);
    dce_status hold_brightness(const Frame &frame, float *gain, Error *error);

    bool is_video() const { return video_.active() || denoiser_.over_time(); }

    Frame frame_of(const dce_image &source, const dce_image *destination, Denoiser *denoiser) const {
        return Frame(dsp_, size_, source, destination, denoiser, white_, is_fast_);
    }

    // What the network reads where it does not read the image.
    const SmallPicture *picture_or_null() const { return source_.needs_picture() ? &picture_ : nullptr; }

    const Dsp &dsp_;
    const int scale_;
    const bool is_fast_;
    float strength_, white_;
    MapSource source_;
    Video video_;
    Denoiser denoiser_;
    FrameSize size_;
    SmallPicture picture_;
    SceneCounts counts_;      // of its pixels
    Bands bands_;
    StageTimes of_frame_;       // the last one
    StageTimes *const times_;   // of_frame_, or null where none are kept
    int64_t total_ = 0;         // nanoseconds of the last frame
};

}  // namespace dce

#endif
