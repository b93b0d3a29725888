#include "pipeline.h"

#include <string.h>

namespace dce {
namespace {

int smaller(int a, int b) { return a < b ? a : b; }
int larger(int a, int b) { return a > b ? a : b; }

uint64_t sum_of(const uint8_t *values, int count) {
    uint32_t sum = 0;  // of at most 4 x 65535 values
    for (int i = 0; i < count; ++i) sum += values[i];
    return sum;
}

}  // namespace

Pipeline::Pipeline(const Kernels &kernels, const Model &model, const dce_engine *engine, int scale,
                   const dce_options &options, ThreadPool &pool)
    : kernels_(kernels), frame_kernels_(frame_kernels_of(kernels)), model_(model), engine_(engine), scale_(scale),
      strength_(options.strength), times_kept_(options.timings != 0), pool_(pool),
      temporal_(options.smoothing, options.map_interval) {}

dce_status Pipeline::enhance(const dce_image &source, const dce_image &destination, Error *error) {
    if (!times_kept_) return enhance_frame(source, destination, error);
    times_ = {};
    const int64_t begin = now_ns();
    const dce_status status = enhance_frame(source, destination, error);
    total_ = now_ns() - begin;
    return status;
}

bool Pipeline::timings(dce_timings *timings) const {
    timings->total_ns = total_;
    timings->convert_ns = times_.ns[kConvertStage];
    timings->downsample_ns = times_.ns[kDownsampleStage];
    timings->network_ns = times_.ns[kNetworkStage];
    timings->curve_ns = times_.ns[kCurveStage];
    return times_kept_;
}

// The stages of the bands, averaged, belong to the frame.
void Pipeline::collect_times(int count) {
    for (int stage = 0; stage < kStages; ++stage) {
        int64_t sum = 0;
        for (int i = 0; i < count; ++i) sum += bands_[i].times.ns[stage];
        times_.ns[stage] += sum / count;
    }
}

dce_status Pipeline::enhance_frame(const dce_image &source, const dce_image &destination, Error *error) {
    gain_ = 1.0f;
    dce_status status = prepare(source, error);
    if (status == DCE_OK && temporal_.active())
        status = next_frame(source, error);
    else if (status == DCE_OK && engine_)
        status = run_engine(source, error);
    if (status == DCE_OK) status = run_bands({Task::kEnhance, &source, &destination, nullptr, {}}, error);
    if (status != DCE_OK) temporal_.reset();  // the frame that the history knows was never shown
    return status;
}

dce_status Pipeline::curve_map(const dce_image &source, float *map, Error *error) {
    dce_status status = prepare(source, error);
    if (status != DCE_OK) return status;
    if (!engine_) return run_bands({Task::kCurveMap, &source, nullptr, map, {}}, error);
    status = run_engine(source, error);
    if (status != DCE_OK) return status;
    const size_t stride = static_cast<size_t>(low_width_) * map_channels();
    for (int y = 0; y < low_height_; ++y) copy_engine_row(y, map + stride * y);
    return DCE_OK;
}

dce_status Pipeline::prepare(const dce_image &source, Error *error) {
    if (source.width == width_ && source.height == height_) return DCE_OK;
    const int low_width = low_resolution(source.width, scale_);
    width_ = 0;
    if (!downsample_columns_.reserve(low_width) || !runs_.reserve(low_width))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for an image of %d x %d", source.width, source.height);
    width_ = source.width;
    height_ = source.height;
    low_width_ = low_width;
    low_height_ = low_resolution(source.height, scale_);
    for (int x = 0; x < low_width_; ++x) downsample_columns_[x] = downsample_at(x, width_, low_width_);
    expansion_ = upsample_row(width_, low_width_, runs_.data());
    return DCE_OK;
}

dce_status Pipeline::run_engine(const dce_image &source, Error *error) {
    const size_t area = static_cast<size_t>(low_width_) * low_height_;  // below 2^32
    if (!engine_image_.reserve(area, 3) || !engine_map_.reserve(area, map_channels()) ||
        !bands_[0].map_row.reserve(3 * static_cast<size_t>(low_width_)))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for a curve map of %d x %d", low_width_, low_height_);
    const Stopwatch stopwatch(timed(times_), kNetworkStage);
    float *row = bands_[0].map_row.data();
    for (int y = 0; y < low_height_; ++y) {
        const Stopwatch downsampling(timed(times_), kDownsampleStage, kNetworkStage);
        downsample(source, y, row);
        for (int x = 0; x < low_width_; ++x)
            for (int c = 0; c < 3; ++c)
                engine_image_[c * area + static_cast<size_t>(y) * low_width_ + x] = row[3 * x + c];
    }
    char message[256] = "";
    if (engine_->run(engine_->context, engine_image_.data(), low_height_, low_width_, engine_map_.data(), message,
                     sizeof message) != 0) {
        message[sizeof message - 1] = '\0';
        return error->set(DCE_ERROR_ENGINE, "the engine failed: %s", message[0] ? message : "it gave no reason");
    }
    return DCE_OK;
}

// Row y of the engine's map, its channels next to each other.
void Pipeline::copy_engine_row(int y, float *row) const {
    const int channels = map_channels();
    const size_t area = static_cast<size_t>(low_width_) * low_height_;
    const float *planes = engine_map_.data() + static_cast<size_t>(y) * low_width_;
    for (int c = 0; c < channels; ++c)
        for (int x = 0; x < low_width_; ++x) row[static_cast<size_t>(x) * channels + c] = planes[c * area + x];
}

// A frame of a video: the map of temporal_ and the gain become those of this frame.
dce_status Pipeline::next_frame(const dce_image &source, Error *error) {
    if (!temporal_.prepare(low_width_, low_height_, map_channels()))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for a curve map of %d x %d", low_width_, low_height_);
    dce_status status = run_bands({Task::kDownsample, &source, nullptr, nullptr, {}}, error);
    if (status != DCE_OK) return status;
    if (temporal_.next_frame()) {
        if (engine_) status = run_engine(source, error);
        if (status == DCE_OK) status = run_bands({Task::kEstimate, &source, nullptr, nullptr, {}}, error);
        if (status != DCE_OK) return status;
    }
    return temporal_.holds() ? hold_brightness(source, error) : DCE_OK;
}

dce_status Pipeline::hold_brightness(const dce_image &source, Error *error) {
    const dce_status status = run_bands({Task::kMeasure, &source, nullptr, nullptr, {}}, error);
    if (status != DCE_OK) return status;
    uint64_t sum = 0;
    for (int i = 0; i < band_count(); ++i) sum += bands_[i].sum;
    const double mean = static_cast<double>(sum) / (static_cast<double>(width_) * height_);
    if (kind_of(source) == Kind::kYuv) {
        const YuvMatrix matrix = yuv_matrix(source.matrix);
        gain_ = temporal_.gain((mean - static_cast<double>(matrix.luma_offset)) * static_cast<double>(matrix.luma_scale),
                               strength_, matrix.weights);
    } else {
        const float weights[3] = {1.0f / 3.0f, 1.0f / 3.0f, 1.0f / 3.0f};
        const double largest = kind_of(source) == Kind::kInterleaved16 ? 65535.0 : 255.0;
        gain_ = temporal_.gain(mean / (3.0 * largest), strength_, weights);
    }
    return DCE_OK;
}

// A band much shorter than its context would mostly compute what its neighbours compute.
int Pipeline::band_count() const { return larger(1, smaller(pool_.threads(), low_height_ / kHalo)); }

// Every band but the last takes rows of the network from the next one, as much work as kHalo (kHalo - 1) / 2 rows of one layer.
// So that all finish at once, boundaries move down by as many rows of the map as are worth that: where the network is all that
// there is to do, and where it is about half.
float Pipeline::rows_taken(const Job &job) const {
    if (engine_ || model_.is_int8) return 0.0f;
    if (job.task == Task::kCurveMap || job.task == Task::kEstimate) return (kHalo - 1) / 2.0f;
    return is_streaming(job) ? (kHalo - 1) / 4.0f : 0.0f;
}

// Splits the rows of the image, or of the map, among the threads.
dce_status Pipeline::run_bands(const Job &given, Error *error) {
    Job job = given;
    const bool yuv = kind_of(*job.source) == Kind::kYuv;
    if (yuv) job.matrix = yuv_matrix(job.source->matrix);
    const bool of_image = is_of_image(job.task);
    const int rows = of_image ? height_ : low_height_;
    const int count = band_count();
    const bool overwriting = job.destination && job.destination->plane[0] == job.source->plane[0] && count > 1;
    const int shift = static_cast<int>(rows_taken(job) * static_cast<float>(rows) / static_cast<float>(low_height_));
    for (int i = 0; i < count; ++i) {
        Band &band = bands_[i];
        band.pipeline = this;
        band.job = &job;
        band.times = {};
        band.begin = i == 0 ? 0 : shift + static_cast<int>(static_cast<int64_t>(rows) * i / count);
        band.end = i + 1 == count ? rows : shift + static_cast<int>(static_cast<int64_t>(rows) * (i + 1) / count);
        if (of_image && yuv) {  // two rows share their chroma
            band.begin -= band.begin % 2;
            if (band.end < rows) band.end -= band.end % 2;
        }
        if (!prepare_band(band, overwriting))
            return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for an image of %d x %d", width_, height_);
    }
    for (int i = 0; i + 1 < count; ++i) bands_[i].network.take_from(&bands_[i + 1].network);
    if (overwriting && is_streaming(job))
        pool_.run([](void *bands, int i) { Band &b = static_cast<Band *>(bands)[i]; b.pipeline->save_context(b); }, bands_,
                  count);
    pool_.run([](void *bands, int i) { Band &b = static_cast<Band *>(bands)[i]; b.pipeline->run_task(b); }, bands_, count);
    if (times_kept_) collect_times(count);
    return DCE_OK;
}

// True where the rows of the map come straight from the network while the image is enhanced.
bool Pipeline::is_streaming(const Job &job) const {
    return job.task == Task::kEnhance && !engine_ && !temporal_.active();
}

// Order of the channels of interleaved rows that the curve works on.
PixelLayout Pipeline::expanded_layout(const Job &job) const {
    return layout_of(job.destination ? *job.destination : *job.source);
}

// All memory that the band will need, so that nothing can fail once rows are being written.
bool Pipeline::prepare_band(Band &band, bool overwriting) {
    const Job &job = *band.job;
    if (job.task == Task::kDownsample) return true;
    if (!band.map_row.reserve(static_cast<size_t>(low_width_) * map_channels())) return false;
    if (job.task == Task::kCurveMap) return prepare_network(band, band.begin, band.end - 1, false);
    if (job.task == Task::kEstimate)
        return engine_ || band.network.start(kernels_, model_, low_width_, low_height_, band.begin, {read_stored_row, &band});

    const bool yuv = kind_of(*job.source) == Kind::kYuv;
    const size_t expanded = static_cast<size_t>(map_channels() / 3) * width_ * (yuv ? 3 : expanded_layout(job).channels) +
                            kExpandSlack;
    if (!band.expanded[0].reserve(expanded) || !band.expanded[1].reserve(expanded)) return false;
    if (yuv && !band.differences.reserve(static_cast<size_t>(width_) + 1)) return false;
    if (job.task == Task::kMeasure && !band.measured.reserve(4 * static_cast<size_t>(width_))) return false;
    if (!is_streaming(job)) return true;
    return prepare_network(band, upsample_at(band.begin, height_, low_height_).first,
                           upsample_at(band.end - 1, height_, low_height_).second, overwriting);
}

// The network for rows `first` to `last` of the map.
bool Pipeline::prepare_network(Band &band, int first, int last, bool overwriting) {
    band.saved_first = larger(0, first - kHalo);
    band.saved_end = smaller(low_height_, last + kHalo + 1);
    band.head_end = band.saved_first;
    band.tail_begin = band.saved_end;
    if (overwriting) {
        while (band.head_end < band.saved_end &&
               downsample_at(band.head_end, height_, low_height_).first < band.begin)
            ++band.head_end;
        while (band.tail_begin > band.head_end &&
               downsample_at(band.tail_begin - 1, height_, low_height_).second >= band.end)
            --band.tail_begin;
    }
    const int saved = band.head_end - band.saved_first + band.saved_end - band.tail_begin;
    return band.saved.reserve(static_cast<size_t>(saved) * 3 * low_width_) &&
           band.network.start(kernels_, model_, low_width_, low_height_, first, {read_row, &band});
}

void Pipeline::downsample(const dce_image &source, int y, float *row) const {
    const Sample rows = downsample_at(y, height_, low_height_);
    const Sample *columns = downsample_columns_.data();
    switch (kind_of(source)) {
        case Kind::kInterleaved8:
            return downsample_row(row_of(source, rows.first), row_of(source, rows.second), rows.weight, layout_of(source),
                                  columns, low_width_, row);
        case Kind::kInterleaved16:
            return downsample16_row(row16_of(source, rows.first), row16_of(source, rows.second), rows.weight, columns,
                                    low_width_, row);
        case Kind::kYuv:
            return downsample_yuv_row(yuv_row_of(source, rows.first), yuv_row_of(source, rows.second), rows.weight,
                                      yuv_matrix(source.matrix), columns, low_width_, row);
    }
}

void Pipeline::save_context(Band &band) const {
    const size_t stride = 3 * static_cast<size_t>(low_width_);
    const Stopwatch stopwatch(timed(band.times), kDownsampleStage);
    float *row = band.saved.data();
    for (int y = band.saved_first; y < band.head_end; ++y, row += stride) downsample(*band.job->source, y, row);
    for (int y = band.tail_begin; y < band.saved_end; ++y, row += stride) downsample(*band.job->source, y, row);
}

void Pipeline::read_row(void *context, int y, float *row) {
    Band &band = *static_cast<Band *>(context);
    const Stopwatch stopwatch(band.pipeline->timed(band.times), kDownsampleStage, kNetworkStage);
    const size_t stride = 3 * static_cast<size_t>(band.pipeline->low_width_);
    if (y >= band.head_end && y < band.tail_begin) {
        band.pipeline->downsample(*band.job->source, y, row);
    } else {
        const int head = band.head_end - band.saved_first;
        const int index = y < band.head_end ? y - band.saved_first : head + y - band.tail_begin;
        memcpy(row, band.saved.data() + stride * index, stride * sizeof(float));
    }
}

void Pipeline::read_stored_row(void *context, int y, float *row) {
    Pipeline &pipeline = *static_cast<const Band *>(context)->pipeline;
    memcpy(row, pipeline.temporal_.image_row(y), 3 * sizeof(float) * pipeline.low_width_);
}

void Pipeline::run_task(Band &band) {
    const Task task = band.job->task;
    const Stopwatch stopwatch(timed(band.times), is_of_image(task)           ? kCurveStage
                                                 : task == Task::kDownsample ? kDownsampleStage
                                                                             : kNetworkStage);
    switch (task) {
        case Task::kEnhance:
            return enhance_rows(band);
        case Task::kMeasure:
            return measure_rows(band);
        case Task::kCurveMap: {
            const size_t stride = static_cast<size_t>(low_width_) * map_channels();
            for (int y = band.begin; y < band.end; ++y) band.network.next(band.job->map + stride * y);
            return;
        }
        case Task::kDownsample:
            for (int y = band.begin; y < band.end; ++y) downsample(*band.job->source, y, temporal_.image_row(y));
            return;
        case Task::kEstimate:
            for (int y = band.begin; y < band.end; ++y) {
                if (engine_)
                    copy_engine_row(y, band.map_row.data());
                else
                    band.network.next(band.map_row.data());
                temporal_.blend_row(y, band.map_row.data());
            }
            return;
    }
}

// Row y of the map; rows of one band are asked for in ascending order.
const float *Pipeline::next_map_row(Band &band, int y) const {
    if (temporal_.active()) return temporal_.map_row(y);
    const Stopwatch stopwatch(timed(band.times), kNetworkStage, kCurveStage);
    float *row = band.map_row.data();
    if (engine_)
        copy_engine_row(y, row);
    else
        band.network.next(row);
    return row;
}

// The map for row y of the image. `expanded_end` is the row of the map that is expanded next.
MapRows Pipeline::next_map_rows(Band &band, int y, int *expanded_end) const {
    const Sample rows = upsample_at(y, height_, low_height_);
    const Kind kind = kind_of(*band.job->source);
    const float factor = strength_ * gain_ * (kind == Kind::kInterleaved8 ? kByteMap : 1.0f);
    for (; *expanded_end <= rows.second; ++*expanded_end) {
        const float *map = next_map_row(band, *expanded_end);
        float *expanded = band.expanded[*expanded_end % 2].data();
        if (kind == Kind::kYuv)
            frame_kernels_.expand_planes(map, map_channels(), expansion_, factor, expanded);
        else
            kernels_.expand_row(map, map_channels(), expansion_, expanded_layout(*band.job), factor, expanded);
    }
    return {band.expanded[rows.first % 2].data(), band.expanded[rows.second % 2].data(), rows.weight, map_channels() / 3};
}

void Pipeline::enhance_rows(Band &band) const {
    int expanded_end = upsample_at(band.begin, height_, low_height_).first;
    for (int y = band.begin; y < band.end; ++y) enhance_row(band, y, next_map_rows(band, y, &expanded_end));
}

void Pipeline::enhance_row(Band &band, int y, const MapRows &map) const {
    const dce_image &source = *band.job->source;
    const dce_image &destination = *band.job->destination;
    if (kind_of(source) == Kind::kYuv) return enhance_yuv_row(band, y, map);
    const PixelLayout from = layout_of(source), to = layout_of(destination);
    const int count = width_ * to.channels;
    if (kind_of(source) == Kind::kInterleaved16)
        return frame_kernels_.curve16_row(row16_of(source, y), map, count, row16_of(destination, y));
    const uint8_t *pixels = row_of(source, y);
    uint8_t *result = row_of(destination, y);
    if (!same_layout(from, to)) {
        const Stopwatch stopwatch(timed(band.times), kConvertStage, kCurveStage);
        convert_row(pixels, from, width_, to, result);
        pixels = result;
    }
    kernels_.curve_row(pixels, map.above, map.below, map.weight, map.maps, count, result);
}

// In place, the chroma of two rows is written when both have been read.
void Pipeline::enhance_yuv_row(Band &band, int y, const MapRows &map) const {
    const Job &job = *band.job;
    const YuvRow source = yuv_row_of(*job.source, y);
    if (kind_of(*job.destination) != Kind::kYuv)
        return frame_kernels_.curve_yuv_to_rgb_row(source, job.matrix, map, width_, layout_of(*job.destination),
                                                   row_of(*job.destination, y));
    const YuvRow destination = yuv_row_of(*job.destination, y);
    frame_kernels_.curve_yuv_row(source, job.matrix, map, width_, destination.luma, band.differences.data(), y % 2 == 1);
    if (y % 2 == 1 || y + 1 == height_)
        frame_kernels_.chroma_row(band.differences.data(), job.matrix, width_, y % 2 + 1, destination);
}

void Pipeline::measure_rows(Band &band) const {
    band.sum = 0;
    int expanded_end = upsample_at(band.begin, height_, low_height_).first;
    for (int y = band.begin; y < band.end; ++y) band.sum += measure_row(band, y, next_map_rows(band, y, &expanded_end));
}

// The sum of the values of an enhanced row, without alpha; of the luma for YUV.
uint64_t Pipeline::measure_row(Band &band, int y, const MapRows &map) const {
    const Job &job = *band.job;
    const dce_image &source = *job.source;
    const int channels = layout_of(source).channels;
    const int count = channels * width_;
    uint16_t *row16 = band.measured.data();
    uint8_t *row = reinterpret_cast<uint8_t *>(row16);
    uint64_t sum = 0;
    switch (kind_of(source)) {
        case Kind::kInterleaved8:
            kernels_.curve_row(row_of(source, y), map.above, map.below, map.weight, map.maps, count, row);
            sum = sum_of(row, count);
            if (channels == 4)
                for (int x = 0; x < width_; ++x) sum -= row[4 * x + 3];
            return sum;
        case Kind::kInterleaved16:
            frame_kernels_.curve16_row(row16_of(source, y), map, count, row16);
            for (int i = 0; i < count; ++i) sum += row16[i];
            return sum;
        case Kind::kYuv:
            frame_kernels_.curve_yuv_row(yuv_row_of(source, y), job.matrix, map, width_, row, band.differences.data(), false);
            return sum_of(row, width_);
    }
    return sum;
}

}  // namespace dce
