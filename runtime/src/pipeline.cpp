#include "pipeline.h"

#include <string.h>

namespace dce {
namespace {

int smaller(int a, int b) { return a < b ? a : b; }
int larger(int a, int b) { return a > b ? a : b; }

}  // namespace

Pipeline::Pipeline(const Kernels &kernels, const Model &model, const dce_engine *engine, int scale, float strength,
                   ThreadPool &pool)
    : kernels_(kernels), model_(model), engine_(engine), scale_(scale), strength_(strength), pool_(pool) {}

dce_status Pipeline::enhance(const dce_image &source, const dce_image &destination, Error *error) {
    dce_status status = prepare(source, error);
    if (status == DCE_OK && engine_) status = run_engine(source, error);
    return status == DCE_OK ? run_bands(source, &destination, nullptr, error) : status;
}

dce_status Pipeline::curve_map(const dce_image &source, float *map, Error *error) {
    dce_status status = prepare(source, error);
    if (status != DCE_OK || !engine_) return status == DCE_OK ? run_bands(source, nullptr, map, error) : status;
    status = run_engine(source, error);
    if (status != DCE_OK) return status;
    const int channels = map_channels();
    const size_t area = static_cast<size_t>(low_width_) * low_height_;
    for (size_t i = 0; i < area; ++i)
        for (int c = 0; c < channels; ++c) map[i * channels + c] = engine_map_[c * area + i];
    return DCE_OK;
}

dce_status Pipeline::prepare(const dce_image &source, Error *error) {
    const int low_width = low_resolution(source.width, scale_);
    if (!downsample_columns_.reserve(low_width) || !upsample_columns_.reserve(source.width))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for an image of %d x %d", source.width, source.height);
    width_ = source.width;
    height_ = source.height;
    low_width_ = low_width;
    low_height_ = low_resolution(source.height, scale_);
    for (int x = 0; x < low_width_; ++x) downsample_columns_[x] = downsample_at(x, width_, low_width_);
    for (int x = 0; x < width_; ++x) upsample_columns_[x] = upsample_at(x, width_, low_width_);
    return DCE_OK;
}

dce_status Pipeline::run_engine(const dce_image &source, Error *error) {
    const size_t area = static_cast<size_t>(low_width_) * low_height_;
    if (!engine_image_.reserve(3 * area) || !engine_map_.reserve(map_channels() * area) ||
        !bands_[0].map_row.reserve(3 * static_cast<size_t>(low_width_)))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for a curve map of %d x %d", low_width_, low_height_);
    float *row = bands_[0].map_row.data();
    for (int y = 0; y < low_height_; ++y) {
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

// Splits the rows of the destination, or of the map, among the threads.
dce_status Pipeline::run_bands(const dce_image &source, const dce_image *destination, float *map, Error *error) {
    const int rows = destination ? height_ : low_height_;
    // A band much shorter than its context would mostly compute what its neighbours compute.
    const int count = larger(1, smaller(pool_.threads(), low_height_ / kHalo));
    const bool overwriting = destination && destination->plane[0] == source.plane[0] && count > 1;
    for (int i = 0; i < count; ++i) {
        Band &band = bands_[i];
        band.pipeline = this;
        band.source = &source;
        band.destination = destination;
        band.map = map;
        band.begin = static_cast<int>(static_cast<int64_t>(rows) * i / count);
        band.end = static_cast<int>(static_cast<int64_t>(rows) * (i + 1) / count);
        if (!prepare_band(band, overwriting))
            return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for an image of %d x %d", width_, height_);
    }
    if (overwriting && !engine_)
        pool_.run([](void *bands, int i) { Band &band = static_cast<Band *>(bands)[i]; band.pipeline->save_context(band); },
                  bands_, count);
    pool_.run(
        [](void *bands, int i) {
            Band &band = static_cast<Band *>(bands)[i];
            if (band.destination)
                band.pipeline->enhance_rows(band);
            else
                band.pipeline->map_rows(band);
        },
        bands_, count);
    return DCE_OK;
}

// All memory that the band will need, so that nothing can fail once rows are being written.
bool Pipeline::prepare_band(Band &band, bool overwriting) {
    int first = band.begin, last = band.end - 1;  // rows of the map
    if (band.destination) {
        const size_t expanded =
            static_cast<size_t>(map_channels() / 3) * width_ * layout_of(*band.destination).channels + kExpandSlack;
        if (!band.expanded[0].reserve(expanded) || !band.expanded[1].reserve(expanded)) return false;
        first = upsample_at(band.begin, height_, low_height_).first;
        last = upsample_at(band.end - 1, height_, low_height_).second;
    }
    if (!band.map_row.reserve(static_cast<size_t>(low_width_) * map_channels())) return false;
    if (engine_) return true;

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
    kernels_.downsample_row(row_of(source, rows.first), row_of(source, rows.second), rows.weight, layout_of(source),
                            downsample_columns_.data(), low_width_, row);
}

void Pipeline::save_context(Band &band) const {
    const size_t stride = 3 * static_cast<size_t>(low_width_);
    float *row = band.saved.data();
    for (int y = band.saved_first; y < band.head_end; ++y, row += stride) downsample(*band.source, y, row);
    for (int y = band.tail_begin; y < band.saved_end; ++y, row += stride) downsample(*band.source, y, row);
}

void Pipeline::read_row(void *context, int y, float *row) {
    const Band &band = *static_cast<const Band *>(context);
    const size_t stride = 3 * static_cast<size_t>(band.pipeline->low_width_);
    if (y >= band.head_end && y < band.tail_begin) {
        band.pipeline->downsample(*band.source, y, row);
    } else {
        const int head = band.head_end - band.saved_first;
        const int index = y < band.head_end ? y - band.saved_first : head + y - band.tail_begin;
        memcpy(row, band.saved.data() + stride * index, stride * sizeof(float));
    }
}

// Row y of the map; rows of one band are asked for in ascending order.
const float *Pipeline::next_map_row(Band &band, int y) const {
    float *row = band.map_row.data();
    if (!engine_) {
        band.network.next(row);
        return row;
    }
    const int channels = map_channels();
    const size_t area = static_cast<size_t>(low_width_) * low_height_;
    const float *planes = engine_map_.data() + static_cast<size_t>(y) * low_width_;
    for (int c = 0; c < channels; ++c)
        for (int x = 0; x < low_width_; ++x) row[static_cast<size_t>(x) * channels + c] = planes[c * area + x];
    return row;
}

void Pipeline::enhance_rows(Band &band) const {
    const PixelLayout from = layout_of(*band.source);
    const PixelLayout to = layout_of(*band.destination);
    const int channels = map_channels();
    int expanded_end = upsample_at(band.begin, height_, low_height_).first;  // the map row that is expanded next
    for (int y = band.begin; y < band.end; ++y) {
        const Sample rows = upsample_at(y, height_, low_height_);
        for (; expanded_end <= rows.second; ++expanded_end)
            kernels_.expand_row(next_map_row(band, expanded_end), channels, upsample_columns_.data(), width_, to, strength_,
                                band.expanded[expanded_end % 2].data());
        const uint8_t *source = row_of(*band.source, y);
        uint8_t *destination = row_of(*band.destination, y);
        if (!same_layout(from, to)) {
            convert_row(source, from, width_, to, destination);
            source = destination;
        }
        kernels_.curve_row(source, band.expanded[rows.first % 2].data(), band.expanded[rows.second % 2].data(), rows.weight,
                           channels / 3, width_ * to.channels, destination);
    }
}

void Pipeline::map_rows(Band &band) const {
    const size_t stride = static_cast<size_t>(low_width_) * map_channels();
    for (int y = band.begin; y < band.end; ++y) band.network.next(band.map + stride * y);
}

}  // namespace dce
