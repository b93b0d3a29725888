#include "frame/denoiser.h"

#include <string.h>

namespace dce {
namespace {

constexpr int kBlockColumns = 32;  // pixels; blocks have kStripRows rows
constexpr int kBlockLuma = kBlockColumns / 2, kBlockColors = kBlockColumns / kCell;
constexpr int kStripLuma = kStripRows / 2, kStripColors = kStripRows / kCell;
constexpr double kQuantile = 0.1;
constexpr uint64_t kFewestBlocks = 8;
constexpr double kLumaOfColors = 0.8;
constexpr double kRounding[2] = {1.0 / 24.0, 1.0 / 40.0};  // variance of luma and colors at black, of steps of a level
constexpr double kRoundingLevel = 8.0;                     // at which it is half of that
constexpr double kFollowing = 0.25;                        // of the noise of a video
constexpr float kSmallestGain = 0.125f;                    // of a frame of a video
constexpr int kExponents = 12;

ptrdiff_t stride_of(int cells) { return cells + 2 + kCellSlack; }

int smaller(int a, int b) { return a < b ? a : b; }

PixelSource pixels_of(const dce_image &source) {
    const Kind kind = kind_of(source);
    if (is_yuv(kind)) return {PixelKind::kYuv, {}, yuv_matrix(source.matrix, samples_of(source).bits(), 255.0)};
    return {kind == Kind::kInterleaved8 ? PixelKind::kBytes : PixelKind::kWords, layout_of(source), {}};
}

// From a code to the next, in levels: more by the limited range of YUV, which counts for 1 in 8 bits.
double step_of(const dce_image &source) {
    const Kind kind = kind_of(source);
    return kind == Kind::kInterleaved16 ? 1.0 / 257.0 : kind == Kind::kYuv10 ? 0.25 : 1.0;
}

PixelRow pixel_row_of(const dce_image &source, int y) {
    return is_yuv(kind_of(source)) ? PixelRow{nullptr, yuv_row_of(source, y)} : PixelRow{row_of(source, y), {}};
}

// The bin of a variance: the exponent and three bits of the mantissa. Those on an edge are above it, rounded or not.
int bin_of(float variance) {
    uint32_t bits;
    variance *= 1.00001f;
    memcpy(&bits, &variance, sizeof bits);
    const int bin = static_cast<int>(bits >> 20) - ((127 - kExponents) << 3) + 1;
    return bin < 0 ? 0 : smaller(bin, NoiseCounts::kBins - 1);
}

// Where a bin begins; with the bits that bin_of reads.
double edge(int bin) {
    const uint32_t bits = static_cast<uint32_t>(bin - 1 + ((127 - kExponents) << 3)) << 20;
    float variance;
    memcpy(&variance, &bits, sizeof variance);
    return bin == 0 ? 0.0 : static_cast<double>(variance);
}

uint64_t total(const uint32_t *counts) {
    uint64_t sum = 0;
    for (int i = 0; i < NoiseCounts::kBins; ++i) sum += counts[i];
    return sum;
}

double quantile(const uint32_t *counts) {
    const double target = kQuantile * static_cast<double>(total(counts));
    double before = 0.0;
    for (int i = 0; i < NoiseCounts::kBins; before += counts[i++])
        if (counts[i] && before + counts[i] >= target) return edge(i) + (edge(i + 1) - edge(i)) * (target - before) / counts[i];
    return 0.0;
}

// At the knots, those with few blocks between their neighbors.
void at_knots(const uint32_t (*counts)[NoiseCounts::kBins], double *variances) {
    uint32_t all[NoiseCounts::kBins] = {};
    int last = -1;  // the last knot that is known
    for (int k = 0; k < kNoiseKnots; ++k) {
        for (int i = 0; i < NoiseCounts::kBins; ++i) all[i] += counts[k][i];
        if (total(counts[k]) < kFewestBlocks) continue;
        variances[k] = quantile(counts[k]);
        for (int i = last + 1; i < k; ++i)
            variances[i] =
                last < 0 ? variances[k] : variances[last] + (variances[k] - variances[last]) * (i - last) / (k - last);
        last = k;
    }
    for (int i = last + 1; i < kNoiseKnots; ++i) variances[i] = last < 0 ? quantile(all) : variances[last];
}

// The knot nearest to a level, by the logarithm of level + 2.
int knot_of(double level) {
    int k = 0;
    while (k + 1 < kNoiseKnots && (level + 2.0) * (level + 2.0) >= (static_cast<double>(kNoiseKnot[k]) + 2.0) *
                                                                       (static_cast<double>(kNoiseKnot[k + 1]) + 2.0))
        ++k;
    return k;
}

float square_of_detail(const float *above, const float *below, int i) {
    const float detail = above[i] - above[i + 1] - below[i] + below[i + 1];
    return detail * detail;
}

}  // namespace

NoiseCurve NoiseCurve::of(const double *variances) {
    NoiseCurve curve = {static_cast<float>(variances[0]), {}};
    double before = 0.0;
    for (int k = 0; k + 1 < kNoiseKnots; ++k) {
        const double slope = (variances[k + 1] - variances[k]) / static_cast<double>(kNoiseKnot[k + 1] - kNoiseKnot[k]);
        curve.slopes[k] = static_cast<float>(slope - before);
        before = slope;
    }
    return curve;
}

void NoiseCounts::clear() { memset(this, 0, sizeof *this); }

void NoiseCounts::add(const NoiseCounts &other) {
    for (int k = 0; k < kNoiseKnots; ++k)
        for (int i = 0; i < kBins; ++i) {
            luma[k][i] += other.luma[k][i];
            colors[k][i] += other.colors[k][i];
        }
}

bool Denoiser::prepare(const dce_image &source, float white) {
    const int width = source.width, height = source.height;
    source_ = pixels_of(source);
    step_ = step_of(source);
    one_ = is_yuv(kind_of(source)) ? 1.0f / white : 1.0f;
    if (width != width_ || height != height_) reset();
    width_ = height_ = 0;
    luma_width_ = (width + 1) / 2;
    luma_height_ = (height + 1) / 2;
    color_width_ = (width + kCell - 1) / kCell;
    color_height_ = (height + kCell - 1) / kCell;
    luma_stride_ = stride_of(luma_width_);
    color_stride_ = stride_of(color_width_);
    // Strips write rows of whole cells of colors: one of luma more, where the height asks for it.
    if (!luma_.reserve(static_cast<size_t>(luma_stride_), static_cast<size_t>(luma_height_) + 1) ||
        !colors_.reserve(static_cast<size_t>(color_stride_), 2 * static_cast<size_t>(color_height_)))
        return false;
    if (over_time() && !has_history_ &&
        (!kept_.reserve(static_cast<size_t>(width) * 3, static_cast<size_t>(height)) ||
         !remaining_.reserve(static_cast<size_t>(color_width_), static_cast<size_t>(color_height_))))
        return false;
    width_ = width;
    height_ = height;
    return true;
}

bool Denoiser::prepare(StripMemory *memory) const {
    if (!memory->counts.reserve(1)) return false;
    memory->counts[0].clear();
    return !over_time() || memory->cells.reserve(static_cast<size_t>(luma_stride_) * kStripLuma +
                                                 static_cast<size_t>(color_stride_) * 2 * kStripColors);
}

PixelRow Denoiser::row(const dce_image &source, int y) const {
    return over_time() ? PixelRow{kept_.data() + static_cast<size_t>(y) * 3 * width_, {}} : pixel_row_of(source, y);
}

void Denoiser::survey(const dce_image &source, int strip, StripMemory *memory) {
    float *luma[kStripLuma], *red[kStripColors], *blue[kStripColors];  // of the frame as it came
    for (int group = 0; group < kStripColors; ++group) {
        const int color_y = strip * kStripColors + group, y = color_y * kCell;
        if (y >= height_) return;
        PixelRow rows[kCell];
        KeptRows kept = {};
        for (int r = 0; r < kCell; ++r) {
            const int at = smaller(y + r, height_ - 1);
            rows[r] = pixel_row_of(source, at);
            if (over_time()) kept.row[r] = kept_.data() + static_cast<size_t>(at) * 3 * width_;
        }
        CellRows cells = {{luma_row(2 * color_y), luma_row(smaller(2 * color_y + 1, luma_height_))},
                          color_row(0, color_y),
                          color_row(1, color_y)};
        CellRows before = cells;
        if (over_time()) {
            float *memory_of_colors = memory->cells.data() + luma_stride_ * kStripLuma;
            for (int k = 0; k < 2; ++k) before.luma[k] = memory->cells.data() + (2 * group + k) * luma_stride_ + 1;
            before.red = memory_of_colors + group * color_stride_ + 1;
            before.blue = memory_of_colors + (kStripColors + group) * color_stride_ + 1;
            kept.luma = of_luma_;
            kept.colors = of_colors_;
            kept.remaining = has_history_ ? remaining_.data() + static_cast<size_t>(color_y) * color_width_ : nullptr;
            kept.smallest_gain = 1.0f - (1.0f - kSmallestGain) * temporal_;
            kept.before = before;
        }
        dsp_.denoise->survey(source_, rows, width_, cells, over_time() ? &kept : nullptr);
        for (int k = 0; k < 2; ++k) luma[2 * group + k] = before.luma[k];
        red[group] = before.red;
        blue[group] = before.blue;
    }
    if ((strip + 1) * kStripRows <= height_) count(luma, red, blue, memory->counts.data());
}

void Denoiser::count(float *const *luma, float *const *red, float *const *blue, NoiseCounts *counts) const {
    for (int block = 0; block < width_ / kBlockColumns; ++block) {
        float sum = 0.0f, of_luma = 0.0f, of_colors = 0.0f;
        for (int y = 0; y < kStripLuma; y += 2)
            for (int i = block * kBlockLuma; i < (block + 1) * kBlockLuma; i += 2) {
                sum += luma[y][i] + luma[y][i + 1] + luma[y + 1][i] + luma[y + 1][i + 1];
                of_luma += square_of_detail(luma[y], luma[y + 1], i);
            }
        for (int y = 0; y < kStripColors; y += 2)
            for (int i = block * kBlockColors; i < (block + 1) * kBlockColors; i += 2) {
                const float r = red[y][i] - red[y][i + 1] - red[y + 1][i] + red[y + 1][i + 1];
                const float b = blue[y][i] - blue[y][i + 1] - blue[y + 1][i] + blue[y + 1][i + 1];
                of_colors += 2.0f * (r * r + b * b + r * b);
            }
        const int knot = knot_of(static_cast<double>(sum) / (12.0 * kBlockLuma * kStripLuma));
        ++counts->luma[knot][bin_of(of_luma * (1.0f / (4 * 144 * kBlockLuma * kStripLuma / 4)))];
        ++counts->colors[knot][bin_of(of_colors * (1.0f / (4.0f * 48 * 48 * kBlockColors * kStripColors / 4)))];
    }
}

void Denoiser::finish(const NoiseCounts &counts) {
    double now[2][kNoiseKnots];
    at_knots(counts.luma, now[0]);
    at_knots(counts.colors, now[1]);
    bool is_gray = true;  // nowhere is there anything of colors
    for (const uint32_t (&colors)[NoiseCounts::kBins] : counts.colors) is_gray &= total(colors) == colors[0];
    for (int k = 0; k < kNoiseKnots; ++k) {
        const double most = kLumaOfColors * now[1][k];
        if (!is_gray && now[0][k] > most) now[0][k] = most;
    }
    for (int c = 0; c < 2; ++c)
        for (int k = 0; k < kNoiseKnots; ++k) {
            double &variance = now[c][k];
            if (k >= 3 && variance > 2.0 * now[c][k - 1]) variance = 2.0 * now[c][k - 1];
            if (given_ > 0.0f) variance = static_cast<double>(given_) * static_cast<double>(given_) / (c == 0 ? 12.0 : 8.0);
        }
    for (int c = 0; c < 2; ++c)
        for (int k = 0; k < kNoiseKnots; ++k) {
            const double rounding = kRounding[c] * step_ * step_ / (1.0 + static_cast<double>(kNoiseKnot[k]) / kRoundingLevel);
            if (now[c][k] < rounding) now[c][k] = rounding;
            known_[c][k] = has_history_ ? known_[c][k] + kFollowing * (now[c][k] - known_[c][k]) : now[c][k];
        }
    if (over_time() && !has_history_)
        for (size_t i = 0; i < static_cast<size_t>(color_width_) * color_height_; ++i) remaining_[i] = 1.0f;
    of_luma_ = NoiseCurve::of(known_[0]);
    of_colors_ = NoiseCurve::of(known_[1]);
    has_history_ = over_time();
    if (over_time()) source_ = {PixelKind::kKept, {}, {}};
}

// ---- the second pass ----

bool ShareStream::start(Denoiser *denoiser, int first) {
    denoiser_ = denoiser;
    stride_ = denoiser->luma_stride_;
    color_stride_ = denoiser->color_stride_;
    plane_stride_ = denoiser->width_ + kCellSlack;
    const size_t cells = static_cast<size_t>(stride_);
    if (!share_.reserve(cells) || !mean_.reserve(cells) || !remaining_.reserve(cells + 2 * kCellSlack) ||
        !planes_.reserve(static_cast<size_t>(plane_stride_), 3))
        return false;
    for (int k = 0; k < 2; ++k)
        if (!colors_[k].reserve(static_cast<size_t>(color_stride_), 3) || !rows_[k].reserve(cells, 5)) return false;
    for (size_t i = 0; i < cells + 2 * kCellSlack; ++i) remaining_[i] = 1.0f;
    next_row_ = first / 2 - (first % 2 == 0 && first > 0);
    next_color_row_ = next_row_ / 2 - (next_row_ % 2 == 0 && next_row_ > 0);
    return true;
}

// The cell next to the one that holds row y of twice as many rows, on the side that the row lies on.
static int beside(int y, int cells) {
    const int cell = y / 2, other = y % 2 ? cell + 1 : cell - 1;
    return other < 0 || other >= cells ? cell : other;
}

void ShareStream::add_color_row(int y) {
    Denoiser &frame = *denoiser_;
    const int above = y > 0 ? y - 1 : 0, below = smaller(y + 1, frame.color_height_ - 1);
    const float *red[3] = {frame.color_row(0, above), frame.color_row(0, y), frame.color_row(0, below)};
    const float *blue[3] = {frame.color_row(1, above), frame.color_row(1, y), frame.color_row(1, below)};
    const float *luma[2] = {frame.luma_row(2 * y), frame.luma_row(smaller(2 * y + 1, frame.luma_height_ - 1))};
    if (frame.over_time())
        memcpy(remaining_.data(), frame.remaining_.data() + static_cast<size_t>(y) * frame.color_width_,
               sizeof(float) * static_cast<size_t>(frame.color_width_));
    frame.dsp_.denoise->color_shares(red, blue, luma, frame.color_width_, frame.of_colors_, remaining_.data(), frame.amount_,
                                     colors_[y % 2].data() + 1, color_stride_);
}

void ShareStream::add_row(int y) {
    Denoiser &frame = *denoiser_;
    const int other = beside(y, frame.color_height_);
    for (const int last = other > y / 2 ? other : y / 2; next_color_row_ <= last; ++next_color_row_)
        add_color_row(next_color_row_);
    const float *luma[3] = {frame.luma_row(y > 0 ? y - 1 : 0), frame.luma_row(y),
                            frame.luma_row(smaller(y + 1, frame.luma_height_ - 1))};
    const float *remaining =
        frame.over_time() ? frame.remaining_.data() + static_cast<size_t>(y / 2) * frame.color_width_ : nullptr;
    for (int i = 0; remaining && i < frame.luma_width_; ++i) remaining_[i] = remaining[i / 2];
    frame.dsp_.denoise->luma_shares(luma, frame.luma_width_, frame.of_luma_, remaining_.data(), frame.amount_, share_.data(),
                                    mean_.data());
    frame.dsp_.denoise->combine(share_.data(), mean_.data(), colors_[y / 2 % 2].data() + 1, colors_[other % 2].data() + 1,
                                color_stride_, frame.luma_width_, frame.one_, rows_[y % 2].data() + 1, stride_);
}

ShareRows ShareStream::rows(int y) {
    const int cell = y / 2, other = beside(y, denoiser_->luma_height_);
    for (const int last = other > cell ? other : cell; next_row_ <= last; ++next_row_) add_row(next_row_);
    return {rows_[cell % 2].data() + 1, rows_[other % 2].data() + 1, stride_};
}

}  // namespace dce
