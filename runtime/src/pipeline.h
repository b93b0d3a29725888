// From a frame to an enhanced frame: downsample, curve network, upsample, curve, by bands of rows in parallel.
//
// Every band streams: rows of the image feed the network, rows of the curve map that leave it are expanded to the image's
// width, and each output row lies between two of them. No image-sized intermediate exists. A band takes the rows of
// context that it shares with the next one from there, or computes them a second time where they are not there yet, so that
// none waits for another; the result does not depend on their number.
//
// Frames of a video, where the map is to stay, go in steps: downsample, estimate the map, measure, enhance.
#ifndef DCELITE_PIPELINE_H
#define DCELITE_PIPELINE_H

#include "downsample.h"
#include "image.h"
#include "network.h"
#include "resize.h"
#include "stopwatch.h"
#include "temporal.h"
#include "thread_pool.h"

namespace dce {

class Pipeline {
public:
    // The model stays the caller's. `engine` is null for the built-in network.
    Pipeline(const Kernels &kernels, const Model &model, const dce_engine *engine, int scale, const dce_options &options,
             ThreadPool &pool);

    int scale() const { return scale_; }
    int map_channels() const { return engine_ ? engine_->map_channels : model_.map_channels; }

    // Both expect checked images. See dce_enhance and dce_curve_map.
    dce_status enhance(const dce_image &source, const dce_image &destination, Error *error);
    dce_status curve_map(const dce_image &source, float *map, Error *error);

    void reset() { temporal_.reset(); }
    void set_strength(float strength) { strength_ = strength; }
    void set_smoothing(float smoothing) { temporal_.set_smoothing(smoothing); }

    // Of the last enhance; false: they are not kept.
    bool timings(dce_timings *timings) const;

private:
    // What the bands do, each on its rows of the image or of the map.
    enum class Task {
        kEnhance,     // rows of the destination
        kMeasure,     // rows of the image: enhanced, but summed up instead of kept
        kCurveMap,    // rows of the map, for the caller
        kDownsample,  // rows of the network's input, for temporal_
        kEstimate,    // rows of the map, for temporal_
    };

    struct Job {
        Task task;
        const dce_image *source;
        const dce_image *destination;  // of kEnhance
        float *map;                    // of kCurveMap: where the whole map goes
        YuvMatrix matrix;              // of a YUV source
    };

    // What one thread works on: a range of rows, and the memory for it, which stays from frame to frame.
    struct Band {
        Pipeline *pipeline;
        const Job *job;
        int begin, end;             // rows
        NetworkStream network;
        Buffer<float> map_row;      // (low width, map channels)
        Buffer<float> expanded[2];  // of map rows with even and odd index: (distinct maps, width, image channels), or planes
        Buffer<float> differences;  // (2, chroma width): see FrameKernels
        Buffer<uint16_t> measured;  // a row of the enhanced image, 8-bit or 16-bit
        uint64_t sum;               // of its values
        StageTimes times;           // of this job
        // Rows of the network's input that lie in other bands, saved before those overwrite them in place: rows
        // saved_first … head_end - 1 and tail_begin … saved_end - 1, one after the other.
        int saved_first, head_end, tail_begin, saved_end;
        Buffer<float> saved;
    };

    dce_status enhance_frame(const dce_image &source, const dce_image &destination, Error *error);
    dce_status prepare(const dce_image &source, Error *error);
    bool prepare_band(Band &band, bool overwriting);
    bool prepare_network(Band &band, int first, int last, bool overwriting);
    dce_status run_bands(const Job &job, Error *error);
    int band_count() const;
    void collect_times(int count);
    StageTimes *timed(StageTimes &times) const { return times_kept_ ? &times : nullptr; }
    dce_status run_engine(const dce_image &source, Error *error);
    dce_status next_frame(const dce_image &source, Error *error);
    dce_status hold_brightness(const dce_image &source, Error *error);

    static bool is_of_image(Task task) { return task == Task::kEnhance || task == Task::kMeasure; }
    bool is_streaming(const Job &job) const;
    float rows_taken(const Job &job) const;
    void downsample(const dce_image &source, int y, float *row) const;
    static void read_row(void *band, int y, float *row);
    static void read_stored_row(void *band, int y, float *row);
    void save_context(Band &band) const;
    void run_task(Band &band);
    void copy_engine_row(int y, float *row) const;
    const float *next_map_row(Band &band, int y) const;
    MapRows next_map_rows(Band &band, int y, int *expanded_end) const;
    PixelLayout expanded_layout(const Job &job) const;
    void enhance_rows(Band &band) const;
    void enhance_row(Band &band, int y, const MapRows &map) const;
    void enhance_yuv_row(Band &band, int y, const MapRows &map) const;
    void measure_rows(Band &band) const;
    uint64_t measure_row(Band &band, int y, const MapRows &map) const;

    const Kernels &kernels_;
    const FrameKernels &frame_kernels_;
    const Model &model_;
    const dce_engine *engine_;
    const int scale_;
    float strength_;
    const bool times_kept_;
    ThreadPool &pool_;
    Temporal temporal_;
    StageTimes times_;   // of the last frame
    int64_t total_ = 0;  // nanoseconds of the last frame

    float gain_ = 1.0f;                   // of the map, for this frame
    int width_ = 0, height_ = 0;          // of the image
    int low_width_ = 0, low_height_ = 0;  // of the network's input and of the curve map
    Buffer<Sample> downsample_columns_;   // (low width)
    Buffer<Run> runs_;                    // of expansion_
    Expansion expansion_ = {};
    Buffer<float> engine_image_;          // (3, low height, low width)
    Buffer<float> engine_map_;            // (map channels, low height, low width)
    Band bands_[kMaxThreads];
};

}  // namespace dce

#endif
