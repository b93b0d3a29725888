#include "frame/video.h"

#include <math.h>
#include <string.h>

namespace dce {
namespace {

// Above this difference of two frames (0 … 1) there is a scene cut. Of pairs of unrelated dark photographs all, and of the
// darkest pictures of 150 multi-exposure scenes 96 %, differ by more; noise of 20 levels by up to 0.11, exposure 1.25 times
// as long by up to 0.19, a pan of 5 % of the width by 0.13 in the median. A pan taken for a cut costs its smoothing only.
constexpr double kCutDifference = 0.25;
constexpr double kDarkness = 0.01;  // added to the brightness of cells: the noise of black frames is no cut

// The brightness is held by the map: so far the map may be scaled, either way.
constexpr double kLargestGain = 1.25;
constexpr double kSmallestSlope = 1e-3;  // of brightness against gain; below it, the map has no hold on the brightness
constexpr size_t kSlopeSamples = 2048;   // pixels of the downsampled frame

}  // namespace

bool Video::prepare(int width, int height, int map_channels) {
    if (width == width_ && height == height_ && map_channels == map_channels_) return true;
    has_history_ = false;
    width_ = height_ = 0;
    const size_t area = static_cast<size_t>(width) * height;  // below 2^32
    if (!map_.reserve(area, map_channels)) return false;
    width_ = width;
    height_ = height;
    map_channels_ = map_channels;
    return true;
}

bool Video::next_frame(const SmallPicture &picture) {
    const bool cut = is_cut(picture);
    begins_ = cut || !has_history_;
    has_history_ = true;
    age_ = begins_ || age_ + 1 >= interval_ ? 0 : age_ + 1;
    return age_ == 0;
}

// Compares the mean colors of the cells of a grid with those of the frame before, in relation to their brightness, since
// dark scenes differ by little. The means hardly move with noise.
bool Video::is_cut(const SmallPicture &picture) {
    const int rows = height_ < kCells ? height_ : kCells;
    const int columns = width_ < kCells ? width_ : kCells;
    double difference = 0.0, brightness = 0.0;
    for (int r = 0; r < rows; ++r) {
        const int top = static_cast<int>(static_cast<int64_t>(height_) * r / rows);
        const int bottom = static_cast<int>(static_cast<int64_t>(height_) * (r + 1) / rows);
        for (int k = 0; k < columns; ++k) {
            const int left = static_cast<int>(static_cast<int64_t>(width_) * k / columns);
            const int right = static_cast<int>(static_cast<int64_t>(width_) * (k + 1) / columns);
            double sums[3] = {};
            for (int y = top; y < bottom; ++y) {
                const float *row = picture.row(y);
                for (int x = left; x < right; ++x)
                    for (int c = 0; c < 3; ++c) sums[c] += static_cast<double>(row[3 * x + c]);
            }
            for (int c = 0; c < 3; ++c) {
                const float mean = static_cast<float>(sums[c] / (static_cast<double>(bottom - top) * (right - left)));
                const float before = cells_[r][k][c];
                difference += fabs(static_cast<double>(mean - before));
                brightness += static_cast<double>(mean > before ? mean : before) + kDarkness;
                cells_[r][k][c] = mean;
            }
        }
    }
    return difference > kCutDifference * brightness;
}

void Video::blend_row(int y, const float *estimate) {
    const size_t count = static_cast<size_t>(width_) * map_channels_;
    float *row = map_.data() + count * y;
    if (begins_) {
        memcpy(row, estimate, count * sizeof(float));
        return;
    }
    for (size_t i = 0; i < count; ++i) row[i] = estimate[i] + smoothing_ * (row[i] - estimate[i]);
}

float Video::gain(const SmallPicture &picture, double brightness, float strength, const float weights[3]) {
    if (begins_) {
        held_ = brightness;
        return 1.0f;
    }
    const double slope = brightness_slope(picture, strength, weights);
    if (!(fabs(slope) > kSmallestSlope)) {  // or an engine gave values that are not numbers
        held_ = brightness;
        return 1.0f;
    }
    held_ = brightness + static_cast<double>(smoothing_) * (held_ - brightness);
    double gain = 1.0 + (held_ - brightness) / slope;
    if (!(gain < kLargestGain)) gain = kLargestGain;
    if (gain < 1.0 / kLargestGain) gain = 1.0 / kLargestGain;
    return static_cast<float>(gain);
}

// How the mean brightness grows with the factor of the map, at factor 1, from samples of the downsampled frame: the
// derivative of x <- x + g a (x^2 - x) is d <- d (1 + a (2 x - 1)) + a (x^2 - x).
double Video::brightness_slope(const SmallPicture &picture, float strength, const float weights[3]) const {
    const size_t area = static_cast<size_t>(width_) * height_;
    const size_t step = area / kSlopeSamples + 1;
    const int maps = map_channels_ / 3;
    double sum = 0.0;
    size_t samples = 0;
    for (size_t pixel = 0; pixel < area; pixel += step, ++samples) {
        for (int c = 0; c < 3; ++c) {
            float x = picture.pixel(pixel)[c], slope = 0.0f;
            for (int n = 0; n < DCE_ITERATIONS; ++n) {
                const float a = strength * map_[pixel * map_channels_ + (maps > 1 ? 3 * n : 0) + c];
                slope += a * (slope * (2.0f * x - 1.0f) + (x * x - x));
                x += a * (x * x - x);
            }
            sum += static_cast<double>(weights[c] * slope);
        }
    }
    return sum / static_cast<double>(samples);
}

}  // namespace dce
