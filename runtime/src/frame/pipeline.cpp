#include "frame/pipeline.h"

#include <string.h>

namespace dce {

Pipeline::Pipeline(const Dsp &dsp, const Model &model, const dce_engine *engine, int scale, const dce_options &options,
                   ThreadPool &pool)
    : dsp_(dsp), scale_(scale), strength_(options.strength), source_(dsp, model, engine),
      video_(options.smoothing, options.map_interval), bands_(source_, video_, pool), times_(options.timings ? &of_frame_ : nullptr) {}

dce_status Pipeline::set_size(const dce_image &image, Error *error) {
    if (size_.set(image.width, image.height, scale_)) return DCE_OK;
    return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for an image of %d x %d", image.width, image.height);
}

dce_status Pipeline::enhance(const dce_image &source, const dce_image &destination, Error *error) {
    of_frame_ = {};
    const int64_t begin = times_ ? now_ns() : 0;
    dce_status status = set_size(source, error);
    if (status == DCE_OK) status = enhance_frame(Frame(dsp_, size_, source, &destination), error);
    if (status != DCE_OK) video_.reset();  // the frame that the history knows was never shown
    if (times_) total_ = now_ns() - begin;
    return status;
}

dce_status Pipeline::enhance_frame(const Frame &frame, Error *error) {
    float gain = 1.0f;  // of the map, for this frame
    const dce_status status = video_.active() ? next_frame(frame, &gain, error) : source_.start_frame(frame, times_, error);
    if (status != DCE_OK) return status;
    const Job job = {frame, true, video_.active() ? MapRowsOf::kVideo : MapRowsOf::kSource, kCurveStage, strength_ * gain};
    return bands_.for_rows(job, times_, error, [&](Band &band, int y) {
        frame.rows.enhance(frame, y, band.expanded_rows(y), band.memory);
    });
}

dce_status Pipeline::curve_map(const dce_image &source, float *map, Error *error) {
    dce_status status = set_size(source, error);
    if (status != DCE_OK) return status;
    const Frame frame(dsp_, size_, source, nullptr);
    status = source_.start_frame(frame, nullptr, error);
    if (status != DCE_OK) return status;
    const size_t count = static_cast<size_t>(size_.low_width) * map_channels();  // of a row
    const Job job = {frame, false, MapRowsOf::kSource, kNetworkStage};
    return bands_.for_rows(job, nullptr, error, [=](Band &band, int y) {
        memcpy(map + count * y, band.map_row(y), sizeof(float) * count);
    });
}

// A frame of a video: its map becomes that of video_.
dce_status Pipeline::next_frame(const Frame &frame, float *gain, Error *error) {
    if (!video_.prepare(size_.low_width, size_.low_height, map_channels()))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for a curve map of %d x %d", size_.low_width, size_.low_height);
    const Job downsampling = {frame, false, MapRowsOf::kNothing, kDownsampleStage};
    dce_status status = bands_.for_rows(downsampling, times_, error, [&](Band &, int y) {
        frame.rows.downsample(frame, y, video_.image_row(y));
    });
    if (status == DCE_OK && video_.next_frame()) {
        const Job estimation = {frame, false, MapRowsOf::kStored, kNetworkStage};
        status = source_.start_frame(frame, times_, error);
        if (status == DCE_OK)
            status = bands_.for_rows(estimation, times_, error,
                                     [&](Band &band, int y) { video_.blend_row(y, band.map_row(y)); });
    }
    return status == DCE_OK && video_.holds() ? hold_brightness(frame, gain, error) : status;
}

// Enhances the frame once to measure how bright it becomes; `gain` makes up for what differs from the frames before.
dce_status Pipeline::hold_brightness(const Frame &shown, float *gain, Error *error) {
    const Frame frame(dsp_, size_, shown.source, nullptr);
    const Job job = {frame, true, MapRowsOf::kVideo, kCurveStage, strength_, true};
    uint64_t sum = 0;
    const dce_status status = bands_.for_rows(job, times_, error,
        [&](Band &band, int y) { band.sum += frame.rows.measure(frame, y, band.expanded_rows(y), band.memory); }, &sum);
    if (status != DCE_OK) return status;
    const double mean = static_cast<double>(sum) / (static_cast<double>(size_.width) * size_.height);
    *gain = video_.gain(frame.rows.brightness(frame, mean), strength_, frame.weights);
    return DCE_OK;
}

bool Pipeline::timings(dce_timings *timings) const {
    timings->total_ns = total_;
    timings->convert_ns = of_frame_.ns[kConvertStage];
    timings->downsample_ns = of_frame_.ns[kDownsampleStage];
    timings->network_ns = of_frame_.ns[kNetworkStage];
    timings->curve_ns = of_frame_.ns[kCurveStage];
    return times_ != nullptr;
}

}  // namespace dce
