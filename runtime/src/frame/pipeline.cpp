#include "frame/pipeline.h"

#include <string.h>

namespace dce {

namespace {

dce_status no_memory(const dce_image &image, Error *error) {
    return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for an image of %d x %d", image.width, image.height);
}

}  // namespace

Pipeline::Pipeline(const Dsp &dsp, const Model &model, const dce_engine *engine, int scale, const dce_options &options,
                   ThreadPool &pool)
    : dsp_(dsp), scale_(scale), is_fast_(options.precision == DCE_FAST), strength_(options.strength),
      white_(options.white), source_(dsp, model, engine),
      video_(options.smoothing, options.map_interval), denoiser_(dsp, options), bands_(source_, video_, pool),
      times_(options.timings ? &of_frame_ : nullptr) {}

dce_status Pipeline::set_size(const dce_image &image, Error *error) {
    if (size_.set(image.width, image.height, scale_)) return DCE_OK;
    return no_memory(image, error);
}

dce_status Pipeline::enhance(const dce_image &source, const dce_image &destination, Error *error) {
    of_frame_ = {};
    const int64_t begin = times_ ? now_ns() : 0;
    dce_status status = set_size(source, error);
    Denoiser *denoiser = denoiser_.active() ? &denoiser_ : nullptr;
    if (status == DCE_OK) status = enhance_frame(frame_of(source, &destination, denoiser), error);
    if (status != DCE_OK) reset();  // the frame that the history knows was never shown
    if (times_) total_ = now_ns() - begin;
    return status;
}

// Downsamples the frame as a whole, and counts its pixels for a scene head.
dce_status Pipeline::read_picture(const Frame &frame, StageTimes *times, Error *error) {
    if (!picture_.prepare(size_.low_width, size_.low_height))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for an image of %d x %d", size_.low_width, size_.low_height);
    const Job job = {frame, RowsOf::kMap, MapRowsOf::kNothing, kDownsampleStage};
    const bool counts = source_.has_scene();
    const dce_status status = bands_.for_rows(job, times, error, [&](Band &band, int y) {
        frame.rows.downsample(frame, y, picture_.row(y));
        if (counts) band.counts.add_row(picture_.row(y), size_.low_width);
    });
    counts_.clear();
    if (status == DCE_OK)
        for (const Band &band : bands_) counts_.add(band.counts);
    return status;
}

// Where the source needs the whole picture: reads it, and has the source ready for the rows of its map.
dce_status Pipeline::prepare_map(const Frame &frame, StageTimes *times, Error *error) {
    if (!source_.needs_picture()) return DCE_OK;
    const dce_status status = read_picture(frame, times, error);
    return status == DCE_OK ? source_.start_frame(picture_, counts_, times, error) : status;
}

dce_status Pipeline::prepare_single(const Frame &frame, Error *error) {
    const dce_status status = survey_noise(frame, error);
    return status == DCE_OK ? prepare_map(frame, times_, error) : status;
}

dce_status Pipeline::enhance_frame(const Frame &frame, Error *error) {
    float gain = 1.0f;  // of the map, for this frame
    const dce_status status = is_video() ? next_frame(frame, &gain, error) : prepare_single(frame, error);
    if (status != DCE_OK) return status;
    if (!size_.prepare_for(frame)) return no_memory(frame.source, error);
    const MapRowsOf map = is_video() ? MapRowsOf::kVideo : MapRowsOf::kSource;
    const Job job = {frame, RowsOf::kImage, map, kCurveStage, picture_or_null(), strength_ * gain};
    return bands_.for_rows(job, times_, error, [&](Band &band, int y) {
        frame.rows.enhance(frame, y, band.expanded_rows(y), band.memory);
    });
}

dce_status Pipeline::curve_map(const dce_image &source, float *map, Error *error) {
    dce_status status = set_size(source, error);
    if (status != DCE_OK) return status;
    const Frame frame = frame_of(source, nullptr, nullptr);
    status = prepare_map(frame, nullptr, error);
    if (status != DCE_OK) return status;
    const size_t count = static_cast<size_t>(size_.low_width) * map_channels();  // of a row
    const Job job = {frame, RowsOf::kMap, MapRowsOf::kSource, kNetworkStage, picture_or_null()};
    return bands_.for_rows(job, nullptr, error, [=](Band &band, int y) {
        memcpy(map + count * y, band.map_row(y), sizeof(float) * count);
    });
}

// The first pass of the denoising.
dce_status Pipeline::survey_noise(const Frame &frame, Error *error) {
    if (!frame.denoiser) return DCE_OK;
    if (!denoiser_.prepare(frame.source, white_))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for the noise of an image of %d x %d", size_.width, size_.height);
    const Job job = {frame, RowsOf::kStrips, MapRowsOf::kNothing, kDenoiseStage};
    const dce_status status = bands_.for_rows(job, times_, error, [&](Band &band, int strip) {
        denoiser_.survey(frame.source, strip, &band.strips);
    });
    if (status != DCE_OK) return status;
    NoiseCounts counts = {};
    for (const Band &band : bands_) counts.add(band.strips.counts[0]);
    denoiser_.finish(counts);
    return DCE_OK;
}

// A frame of a video: its map becomes that of video_.
dce_status Pipeline::next_frame(const Frame &frame, float *gain, Error *error) {
    if (!video_.prepare(size_.low_width, size_.low_height, map_channels()))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for a curve map of %d x %d", size_.low_width, size_.low_height);
    dce_status status = read_picture(frame, times_, error);
    const bool estimates = status == DCE_OK && video_.next_frame(picture_);
    if (status == DCE_OK && video_.begins()) denoiser_.reset();
    if (status == DCE_OK) status = survey_noise(frame, error);
    if (status == DCE_OK && estimates) {
        const Job estimation = {frame, RowsOf::kMap, MapRowsOf::kSource, kNetworkStage, &picture_};
        if (source_.needs_picture()) status = source_.start_frame(picture_, counts_, times_, error);
        if (status == DCE_OK)
            status = bands_.for_rows(estimation, times_, error,
                                     [&](Band &band, int y) { video_.blend_row(y, band.map_row(y)); });
    }
    return status == DCE_OK && video_.holds() ? hold_brightness(frame, gain, error) : status;
}

// Enhances the frame once to measure how bright it becomes; `gain` makes up for what differs from the frames before.
dce_status Pipeline::hold_brightness(const Frame &shown, float *gain, Error *error) {
    const Frame frame = frame_of(shown.source, nullptr, shown.denoiser);
    if (!size_.prepare_for(frame)) return no_memory(frame.source, error);
    const Job job = {frame, RowsOf::kImage, MapRowsOf::kVideo, kCurveStage, nullptr, strength_, true};
    const dce_status status = bands_.for_rows(job, times_, error, [&](Band &band, int y) {
        band.sum += frame.rows.measure(frame, y, band.expanded_rows(y), band.memory);
    });
    if (status != DCE_OK) return status;
    uint64_t sum = 0;
    for (const Band &band : bands_) sum += band.sum;
    const double mean = static_cast<double>(sum) / (static_cast<double>(size_.width) * size_.height);
    *gain = video_.gain(picture_, frame.rows.brightness(frame, mean), strength_, frame.weights);
    return DCE_OK;
}

bool Pipeline::timings(dce_timings *timings) const {
    timings->total_ns = total_;
    timings->convert_ns = of_frame_.ns[kConvertStage];
    timings->downsample_ns = of_frame_.ns[kDownsampleStage];
    timings->network_ns = of_frame_.ns[kNetworkStage];
    timings->curve_ns = of_frame_.ns[kCurveStage];
    timings->denoise_ns = of_frame_.ns[kDenoiseStage];
    return times_ != nullptr;
}

}  // namespace dce
