#include "frame/rows.h"

#include "dsp/downsample.h"

namespace dce {
namespace {

template <typename Value>
uint64_t sum_of(const Value *values, int count) {
    uint64_t sum = 0;
    for (int first = 0; first < count; first += 65536) {  // of so many, the sum has 32 bits
        uint32_t part = 0;
        for (int i = first; i < count && i < first + 65536; ++i) part += values[i];
        sum += part;
    }
    return sum;
}

template <int kLargest>
double brightness_of_values(const Frame &, double mean) {
    return mean / (3.0 * kLargest);
}

void expand_pixels(const Frame &frame, const float *map, int map_channels, float strength, RowMemory &, float *expanded) {
    frame.dsp.curve_bytes->expand_row(map, map_channels, frame.size.expansion, frame.layout, strength * frame.map_unit,
                                      expanded);
}

// ---- 8-bit interleaved pixels ----

void curve_row(const Frame &frame, const uint8_t *source, const MapRows &map, uint8_t *destination) {
    frame.dsp.curve_bytes->curve_row(source, map, frame.size.width * frame.channels, destination);
}

void downsample_bytes(const Frame &frame, int y, float *row) {
    const Sample rows = frame.size.downsampled(y);
    downsample_row(row_of(frame.source, rows.first), row_of(frame.source, rows.second), rows.weight, layout_of(frame.source),
                   frame.size.columns.data(), frame.size.low_width, row);
}

// Copies a row into another channel order; alpha becomes 255 where the source has none. In place where the pixels have
// equally many bytes.
void convert_row(const uint8_t *source, PixelLayout from, int width, PixelLayout to, uint8_t *destination) {
    for (int x = 0; x < width; ++x, source += from.channels, destination += to.channels) {
        const uint8_t red = source[from.position[0]];
        const uint8_t green = source[from.position[1]];
        const uint8_t blue = source[from.position[2]];
        const uint8_t alpha = from.channels == 4 ? source[3] : 255;
        destination[to.position[0]] = red;
        destination[to.position[1]] = green;
        destination[to.position[2]] = blue;
        if (to.channels == 4) destination[3] = alpha;
    }
}

template <void (*curve_row)(const Frame &, const uint8_t *, const MapRows &, uint8_t *)>
void enhance_bytes(const Frame &frame, int y, const MapRows &map, RowMemory &memory) {
    const PixelLayout from = layout_of(frame.source);
    const uint8_t *pixels = row_of(frame.source, y);
    uint8_t *result = row_of(*frame.destination, y);
    if (!same_layout(from, frame.layout)) {
        const Stopwatch stopwatch(memory.times, kConvertStage, kCurveStage);
        convert_row(pixels, from, frame.size.width, frame.layout, result);
        pixels = result;
    }
    curve_row(frame, pixels, map, result);
}

template <void (*curve_row)(const Frame &, const uint8_t *, const MapRows &, uint8_t *)>
uint64_t measure_bytes(const Frame &frame, int y, const MapRows &map, RowMemory &memory) {
    uint8_t *row = reinterpret_cast<uint8_t *>(memory.measured.data());
    const int count = frame.size.width * frame.channels;
    curve_row(frame, row_of(frame.source, y), map, row);
    uint64_t sum = sum_of(row, count);
    for (int i = 3; frame.channels == 4 && i < count; i += 4) sum -= row[i];
    return sum;
}

constexpr RowFunctions kBytes = {downsample_bytes, expand_pixels, nullptr, enhance_bytes<curve_row>, measure_bytes<curve_row>,
                                 brightness_of_values<255>};

// ---- the same in fixed point ----

int16_t *fixed(float *row) { return reinterpret_cast<int16_t *>(row); }
const int16_t *fixed(const float *row) { return reinterpret_cast<const int16_t *>(row); }

void expand_fixed(const Frame &frame, const float *map, int map_channels, float strength, RowMemory &memory, float *expanded) {
    const FrameSize &size = frame.size;
    int16_t *output = fixed(expanded);
    for (int first = 0; first < map_channels; first += 3, output += static_cast<size_t>(size.width) * frame.channels) {
        fix_map_row(map + first, map_channels, size.low_width, frame.layout, strength, memory.fixed_map.data());
        frame.dsp.curve_fixed->expand_row(memory.fixed_map.data(), {size.expansion, size.weights.data()}, frame.channels, output);
    }
}

void combine_fixed(const Frame &frame, const float *above, const float *below, int map_channels, float *sum,
                   float *difference) {
    const int count = frame.size.width * frame.channels * (map_channels / 3);
    frame.dsp.curve_fixed->combine_rows(fixed(above), fixed(below), count, fixed(sum), fixed(difference));
}

FixedMapRows fixed(const MapRows &map) {
    return {fixed(map.above), fixed(map.below), fix_row_weight(map.weight), map.maps};
}

void curve_row_fixed(const Frame &frame, const uint8_t *source, const MapRows &map, uint8_t *destination) {
    frame.dsp.curve_fixed->curve_row(source, fixed(map), frame.size.width * frame.channels, destination);
}

constexpr RowFunctions kFixedBytes = {downsample_bytes, expand_fixed, combine_fixed, enhance_bytes<curve_row_fixed>,
                                      measure_bytes<curve_row_fixed>, brightness_of_values<255>};

// ---- 16-bit interleaved pixels ----

void downsample_words(const Frame &frame, int y, float *row) {
    const Sample rows = frame.size.downsampled(y);
    downsample16_row(row16_of(frame.source, rows.first), row16_of(frame.source, rows.second), rows.weight,
                     layout_of(frame.source).channels, frame.size.columns.data(), frame.size.low_width, row);
}

// ---- 16 bits, YUV, and everything without its noise: planes of floats ----

void downsample_yuv(const Frame &frame, int y, float *row) {
    const Sample rows = frame.size.downsampled(y);
    downsample_yuv_row(yuv_row_of(frame.source, rows.first), yuv_row_of(frame.source, rows.second), rows.weight, frame.matrix,
                       frame.size.columns.data(), frame.size.low_width, row);
}

void expand_planes(const Frame &frame, const float *map, int map_channels, float strength, RowMemory &, float *expanded) {
    frame.dsp.curve_floats->expand_planes(map, map_channels, frame.size.expansion, strength, expanded);
}

PixelPlanes planes_of(const Frame &frame, int y, RowMemory &memory) {
    PixelPlanes planes = {nullptr, 0, nullptr, 0, {}, frame.matrix};
    if (frame.denoiser) {
        const Stopwatch stopwatch(memory.times, kDenoiseStage, kCurveStage);
        planes.planes = memory.shares.planes();
        planes.stride = memory.shares.plane_stride();
        frame.dsp.denoise->denoise_row(frame.denoiser->pixels(), frame.denoiser->row(frame.source, y),
                                       frame.size.width, memory.shares.rows(y), memory.shares.planes(), planes.stride);
    } else if (frame.rows_share_chroma) {
        planes.yuv = yuv_row_of(frame.source, y);
    } else {
        planes.words = row16_of(frame.source, y);
        planes.channels = layout_of(frame.source).channels;
    }
    return planes;
}

// In place, the chroma of two rows is written when both have been read.
void enhance_to_yuv(const Frame &frame, int y, const MapRows &map, RowMemory &memory) {
    const int width = frame.size.width;
    const YuvRow destination = yuv_row_of(*frame.destination, y);
    float *differences = memory.differences.data();
    frame.dsp.curve_floats->curve_to_yuv_row(planes_of(frame, y, memory), map, width, destination.luma, destination.samples,
                                             differences, y % 2 == 1);
    if (y % 2 == 1 || y + 1 == frame.size.height)
        frame.dsp.curve_floats->chroma_row(differences, frame.matrix, width, y % 2 + 1, destination);
}

uint64_t measure_luma(const Frame &frame, int y, const MapRows &map, RowMemory &memory) {
    uint16_t *words = memory.measured.data();
    uint8_t *bytes = reinterpret_cast<uint8_t *>(words);
    const bool are_words = samples_of(frame.source).are_words;
    frame.dsp.curve_floats->curve_to_yuv_row(planes_of(frame, y, memory), map, frame.size.width, bytes, {are_words, 0},
                                             memory.differences.data(), false);
    return are_words ? sum_of(words, frame.size.width) : sum_of(bytes, frame.size.width);
}

double brightness_of_luma(const Frame &frame, double mean) {
    return (mean - static_cast<double>(frame.matrix.luma_offset)) * static_cast<double>(frame.matrix.luma_scale);
}

// Whether the destination takes its alpha from the source.
bool copies_alpha(const Frame &frame) { return frame.layout.channels == 4 && layout_of(frame.source).channels == 4; }

void enhance_to_rgb(const Frame &frame, int y, const MapRows &map, RowMemory &memory) {
    frame.dsp.curve_floats->curve_to_rgb_row(planes_of(frame, y, memory), map, frame.size.width, frame.layout,
                                             copies_alpha(frame) ? row_of(frame.source, y) + 3 : nullptr,
                                             row_of(*frame.destination, y));
}

uint64_t measure_rgb(const Frame &frame, int y, const MapRows &map, RowMemory &memory) {
    uint8_t *row = reinterpret_cast<uint8_t *>(memory.measured.data());
    frame.dsp.curve_floats->curve_to_rgb_row(planes_of(frame, y, memory), map, frame.size.width, {3, {0, 1, 2}}, nullptr, row);
    return sum_of(row, 3 * frame.size.width);
}

void enhance_to_rgb16(const Frame &frame, int y, const MapRows &map, RowMemory &memory) {
    frame.dsp.curve_floats->curve_to_rgb16_row(planes_of(frame, y, memory), map, frame.size.width, frame.layout.channels,
                                               copies_alpha(frame) ? row16_of(frame.source, y) + 3 : nullptr,
                                               row16_of(*frame.destination, y));
}

uint64_t measure_rgb16(const Frame &frame, int y, const MapRows &map, RowMemory &memory) {
    frame.dsp.curve_floats->curve_to_rgb16_row(planes_of(frame, y, memory), map, frame.size.width, 3, nullptr,
                                               memory.measured.data());
    return sum_of(memory.measured.data(), 3 * frame.size.width);
}

constexpr RowFunctions kYuv = {downsample_yuv, expand_planes, nullptr, enhance_to_yuv, measure_luma, brightness_of_luma};
constexpr RowFunctions kYuvToRgb = {downsample_yuv, expand_planes, nullptr, enhance_to_rgb, measure_luma, brightness_of_luma};
constexpr RowFunctions kBytePlanes = {downsample_bytes, expand_planes, nullptr, enhance_to_rgb, measure_rgb,
                                      brightness_of_values<255>};
constexpr RowFunctions kWords = {downsample_words, expand_planes, nullptr, enhance_to_rgb16, measure_rgb16,
                                 brightness_of_values<65535>};

// ---- YUV to RGB in fixed point ----

void expand_fixed_planes(const Frame &frame, const float *map, int map_channels, float strength, RowMemory &memory,
                         float *expanded) {
    const FrameSize &size = frame.size;
    int16_t *output = fixed(expanded);
    for (int first = 0; first < map_channels; first += 3) {
        fix_map_row(map + first, map_channels, size.low_width, {4, {0, 1, 2}}, strength, memory.fixed_map.data());
        for (int c = 0; c < 3; ++c, output += size.width)
            frame.dsp.curve_fixed->expand_row(memory.fixed_map.data() + c, {size.expansion, size.weights.data()}, 1, output);
    }
}

void enhance_to_rgb_fixed(const Frame &frame, int y, const MapRows &map, RowMemory &) {
    frame.dsp.curve_fixed->yuv_to_rgb_row(yuv_row_of(frame.source, y), frame.fixed_matrix, fixed(map), frame.size.width,
                                          frame.layout, row_of(*frame.destination, y));
}

// Its brightness is measured as YUV, hence exactly.
constexpr RowFunctions kFixedYuvToRgb = {downsample_yuv, expand_fixed_planes, combine_fixed, enhance_to_rgb_fixed, nullptr,
                                         brightness_of_luma};

const RowFunctions &functions_of(Kind source, Kind result, bool of_planes, bool is_fast) {
    if (is_fast && source == Kind::kYuv8 && !is_yuv(result) && !of_planes) return kFixedYuvToRgb;
    if (is_yuv(source)) return is_yuv(result) ? kYuv : kYuvToRgb;
    if (source == Kind::kInterleaved16) return kWords;
    return of_planes ? kBytePlanes : is_fast ? kFixedBytes : kBytes;
}

}  // namespace

bool FrameSize::set(int new_width, int new_height, int scale) {
    if (new_width == width && new_height == height) return true;
    const int new_low_width = low_resolution(new_width, scale);
    width = 0;
    weight_channels = 0;
    if (!columns.reserve(new_low_width) || !runs.reserve(new_low_width)) return false;
    width = new_width;
    height = new_height;
    low_width = new_low_width;
    low_height = low_resolution(height, scale);
    for (int x = 0; x < low_width; ++x) columns[x] = downsample_at(x, width, low_width);
    expansion = upsample_row(width, low_width, runs.data());
    return true;
}

bool FrameSize::prepare_for(const Frame &frame) {
    if (!frame.rows.combine || weight_channels == frame.weight_channels) return true;
    weight_channels = 0;
    if (!weights.reserve(static_cast<size_t>(width) * frame.weight_channels + kFixedSlack)) return false;
    weight_channels = frame.weight_channels;
    fix_weights(width, low_width, weight_channels, weights.data());
    return true;
}

Frame::Frame(const Dsp &kernels, const FrameSize &sizes, const dce_image &from, const dce_image *to, Denoiser *noise,
             float white, bool is_fast)
    : dsp(kernels), size(sizes), source(from), destination(to), denoiser(noise),
      rows(functions_of(kind_of(from), kind_of(to ? *to : from), noise != nullptr,
                        is_fast && (white == 1.0f || !is_yuv(kind_of(from))))), layout(layout_of(to ? *to : from)),
      rows_share_chroma(is_yuv(kind_of(from))) {
    const bool of_planes = kind_of(from) != Kind::kInterleaved8 || noise;
    map_unit = kind_of(from) == Kind::kInterleaved8 ? kByteMap : 1.0f;
    channels = of_planes ? 3 : layout.channels;
    splits_pixels = channels == 4 && dsp.curve_bytes->splits_pixels;
    matrix = YuvMatrix{};
    if (rows_share_chroma) matrix = yuv_matrix(from.matrix, samples_of(from).bits(), 1.0 / static_cast<double>(white));
    fixed_matrix = FixedMatrix{};
    if (rows_share_chroma && rows.combine) fixed_matrix = fix_matrix(matrix);
    weight_channels = rows_share_chroma ? 1 : channels;
    for (int c = 0; c < 3; ++c) weights[c] = rows_share_chroma ? matrix.weights[c] : 1.0f / 3.0f;
}

}  // namespace dce
