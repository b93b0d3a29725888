#include "frame/bands.h"

#include <string.h>

namespace dce {
namespace {

int smaller(int a, int b) { return a < b ? a : b; }
int larger(int a, int b) { return a > b ? a : b; }

constexpr int kLeastRows = 4;  // of the map, that another thread takes half of

}  // namespace

void Band::set_rows(int begin, int end) {
    __atomic_store_n(&rows_left_, static_cast<uint64_t>(end) << 32 | static_cast<uint32_t>(begin), __ATOMIC_RELEASE);
}

int Band::left() const {
    const uint64_t rows = __atomic_load_n(&rows_left_, __ATOMIC_ACQUIRE);
    return static_cast<int>(rows >> 32) - static_cast<int>(rows & UINT32_MAX);
}

bool Band::take(int *begin, int *end) {
    constexpr int kRows = 2;  // as many as share their chroma
    uint64_t rows = __atomic_load_n(&rows_left_, __ATOMIC_ACQUIRE);
    do {
        *begin = static_cast<int>(rows & UINT32_MAX);
        const int last = static_cast<int>(rows >> 32);
        if (*begin >= last) return false;
        *end = smaller(*begin + kRows, last);
    } while (!__atomic_compare_exchange_n(&rows_left_, &rows, rows - static_cast<uint32_t>(*begin) + static_cast<uint32_t>(*end),
                                          false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    return true;
}

bool Band::give_half(int least, int *begin, int *end) {
    uint64_t rows = __atomic_load_n(&rows_left_, __ATOMIC_ACQUIRE);
    do {
        const int next = static_cast<int>(rows & UINT32_MAX);
        *end = static_cast<int>(rows >> 32);
        if (*end - next < least) return false;
        *begin = (next + (*end - next) / 2) & ~1;
    } while (!__atomic_compare_exchange_n(&rows_left_, &rows,
                                          static_cast<uint64_t>(*begin) << 32 | (rows & UINT32_MAX), false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    return true;
}

// All memory that the band will need, so that nothing can fail once rows are being written.
bool Band::prepare(const Bands &bands, const Job &job, int begin, int end, bool overwriting, bool timed) {
    const Frame &frame = job.frame;
    const FrameSize &size = frame.size;
    source_ = &bands.source_;
    video_ = &bands.video_;
    job_ = &job;
    begin_ = begin;
    end_ = end;
    sum = 0;
    times_ = {};
    memory.times = timed ? &times_ : nullptr;
    counts.clear();
    if (job.rows == RowsOf::kStrips) return frame.denoiser->prepare(&strips);
    int first = begin, last = end - 1;  // rows of the map
    if (job.rows == RowsOf::kImage) {
        first = size.upsampled(begin).first;
        last = size.upsampled(end - 1).second;
        expanded_end_ = first;
        if (!prepare_image(job)) return false;
    }
    if (job.map == MapRowsOf::kNothing || job.map == MapRowsOf::kVideo) return true;
    if (!map_row_.reserve(size.low_width, source_->map_channels())) return false;
    choose_saved_rows(first, last, overwriting);
    const int saved = head_end_ - saved_first_ + saved_end_ - tail_begin_;
    const auto read = [](void *band, int y, float *row) { static_cast<Band *>(band)->read_row(y, row); };
    return saved_.reserve(static_cast<size_t>(saved) * 3 * size.low_width) &&
           source_->start_rows(&network_, size, first, {read, this});
}

bool Band::prepare_image(const Job &job) {
    const Frame &frame = job.frame;
    const size_t width = static_cast<size_t>(frame.size.width);
    const size_t expanded = width * frame.channels * (source_->map_channels() / 3) + kExpandSlack;
    combined_first_ = combined_second_ = -1;
    return expanded_[0].reserve(expanded) && expanded_[1].reserve(expanded) &&
           (!frame.rows.combine || prepare_fixed(frame, expanded)) &&
           (!frame.rows_share_chroma || memory.differences.reserve(width + 1 + kExpandSlack)) &&
           (!job.measures || memory.measured.reserve(4 * width)) &&
           (!frame.denoiser || memory.shares.start(frame.denoiser, begin_));
}

bool Band::prepare_fixed(const Frame &frame, size_t expanded) {
    return combined_[0].reserve(expanded) && combined_[1].reserve(expanded) &&
           memory.fixed_map.reserve(static_cast<size_t>(frame.size.low_width) * kFixedLane);
}

// Of the network's input for rows `first` to `last` of the map.
void Band::choose_saved_rows(int first, int last, bool overwriting) {
    const FrameSize &size = job_->frame.size;
    saved_first_ = larger(0, first - kHalo);
    saved_end_ = smaller(size.low_height, last + kHalo + 1);
    head_end_ = saved_first_;
    tail_begin_ = saved_end_;
    if (!overwriting) return;
    while (head_end_ < saved_end_ && size.downsampled(head_end_).first < begin_) ++head_end_;
    while (tail_begin_ > head_end_ && size.downsampled(tail_begin_ - 1).second >= end_) --tail_begin_;
}

void Band::save_rows() {
    const Frame &frame = job_->frame;
    const size_t stride = 3 * static_cast<size_t>(frame.size.low_width);
    const Stopwatch stopwatch(memory.times, kDownsampleStage);
    float *row = saved_.data();
    for (int y = saved_first_; y < saved_end_; ++y) {
        if (y >= head_end_ && y < tail_begin_) continue;
        frame.rows.downsample(frame, y, row);
        row += stride;
    }
}

// Row y of the network's input.
void Band::read_row(int y, float *row) {
    const Frame &frame = job_->frame;
    const size_t stride = 3 * static_cast<size_t>(frame.size.low_width);
    if (job_->picture) {
        memcpy(row, job_->picture->row(y), stride * sizeof(float));
        return;
    }
    const Stopwatch stopwatch(memory.times, kDownsampleStage, kNetworkStage);
    if (y >= head_end_ && y < tail_begin_) return frame.rows.downsample(frame, y, row);
    const int index = y < head_end_ ? y - saved_first_ : head_end_ - saved_first_ + y - tail_begin_;
    memcpy(row, saved_.data() + stride * index, stride * sizeof(float));
}

const float *Band::map_row(int y) {
    if (job_->map == MapRowsOf::kVideo) return video_->map_row(y);
    const Stopwatch stopwatch(job_->rows == RowsOf::kImage ? memory.times : nullptr, kNetworkStage, job_->stage);
    source_->next_row(&network_, y, map_row_.data());
    return map_row_.data();
}

MapRows Band::expanded_rows(int y) {
    const Frame &frame = job_->frame;
    const int channels = source_->map_channels();
    const Sample rows = frame.size.upsampled(y);
    for (; expanded_end_ <= rows.second; ++expanded_end_) {
        const float *map = map_row(expanded_end_);
        frame.rows.expand(frame, map, channels, job_->strength, memory, expanded_[expanded_end_ % 2].data());
    }
    const float *above = expanded_[rows.first % 2].data(), *below = expanded_[rows.second % 2].data();
    if (!frame.rows.combine) return {above, below, rows.weight, channels / 3, frame.splits_pixels};
    if (rows.first != combined_first_ || rows.second != combined_second_)
        frame.rows.combine(frame, above, below, channels, combined_[0].data(), combined_[1].data());
    combined_first_ = rows.first;
    combined_second_ = rows.second;
    return {combined_[0].data(), combined_[1].data(), rows.weight, channels / 3};
}

// Every band but the last takes rows of the network from the next one, as much work as kHalo (kHalo - 1) / 2 rows of one layer.
// So that all finish at once, boundaries move down by as many rows of the map as are worth that: where the network is all that
// there is to do, and where it is about half.
float Bands::rows_taken(const Job &job) const {
    const bool runs_network = source_.is_network() && job.map == MapRowsOf::kSource;
    return runs_network ? (kHalo - 1) / (job.rows == RowsOf::kImage ? 4.0f : 2.0f) : 0.0f;
}

void Bands::work_on(Band &band) {
    const Stopwatch stopwatch(band.memory.times, band.job_->stage);
    for (int begin, end; band.take(&begin, &end);)
        for (int y = begin; y < end; ++y) work_(body_, band, y);
}

// For the thread of band `number`, which is done. What it takes is a band of its own, whose times count for its first one. It takes
// no context from the band below, which may be another than it would be.
bool Bands::take_from_others(int number) {
    Band *longest = nullptr;
    for (int i = 0; i < 2 * count_; ++i) {
        Band *band = i < count_ ? &bands_[i] : &taken_[i - count_];
        if (band->left() >= least_ && (!longest || band->left() > longest->left())) longest = band;
    }
    Band &own = bands_[number], &taken = taken_[number];
    // Memory first, of which any rows take as much: what has been taken must be done.
    const int height = own.job_->frame.size.height;
    if (!longest || !taken.prepare(*this, *own.job_, height - 1, height, false, own.memory.times != nullptr)) return false;
    int begin, end;
    if (!longest->give_half(least_, &begin, &end)) return true;  // it was faster; there may be another
    taken.prepare(*this, *own.job_, begin, end, false, own.memory.times != nullptr);
    taken.set_rows(begin, end);
    work_on(taken);
    for (int stage = 0; stage < kStages; ++stage) own.times_.ns[stage] += taken.times_.ns[stage];
    return true;
}

dce_status Bands::run(const Job &job, Work work, void *body, StageTimes *times, Error *error) {
    const Frame &frame = job.frame;
    const int rows = job.rows == RowsOf::kImage    ? frame.size.height
                     : job.rows == RowsOf::kStrips ? frame.denoiser->strips()
                                                   : frame.size.low_height;
    // A band much shorter than its context would mostly compute what its neighbors compute.
    const int count = larger(1, smaller(pool_.threads(), frame.size.low_height / kHalo));
    count_ = count;
    const bool overwriting = count > 1 && job.map == MapRowsOf::kSource && !job.picture && frame.destination &&
                             frame.destination->plane[0] == frame.source.plane[0];
    const int shift = static_cast<int>(rows_taken(job) * static_cast<float>(rows) / static_cast<float>(frame.size.low_height));
    for (int i = 0; i < count; ++i) {
        int begin = i == 0 ? 0 : shift + static_cast<int>(static_cast<int64_t>(rows) * i / count);
        int end = i + 1 == count ? rows : shift + static_cast<int>(static_cast<int64_t>(rows) * (i + 1) / count);
        if (job.rows == RowsOf::kImage && frame.rows_share_chroma) {
            begin -= begin % 2;
            if (end < rows) end -= end % 2;
        }
        if (!bands_[i].prepare(*this, job, begin, end, overwriting, times != nullptr))
            return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for an image of %d x %d", frame.size.width, frame.size.height);
        bands_[i].set_rows(begin, end);
        taken_[i].set_rows(0, 0);
    }
    // Rows that are saved from being overwritten are those beyond bands as they are, and sums are of these.
    may_give_ = count > 1 && job.rows == RowsOf::kImage && !overwriting && !job.measures;
    least_ = larger(kLeastRows * frame.size.height / frame.size.low_height, kLeastRows);
    for (int i = 0; i + 1 < count; ++i) bands_[i].network_.take_from(&bands_[i + 1].network_);
    if (overwriting)
        pool_.run([](void *bands, int i) { static_cast<Band *>(bands)[i].save_rows(); }, bands_, count);

    work_ = work;
    body_ = body;
    const auto run_band = [](void *bands, int i) {
        Bands &self = *static_cast<Bands *>(bands);
        self.work_on(self.bands_[i]);
        while (self.may_give_ && self.take_from_others(i)) {
        }
    };
    pool_.run(run_band, this, count);
    for (int stage = 0; times && stage < kStages; ++stage) {
        int64_t total = 0;
        for (int i = 0; i < count; ++i) total += bands_[i].times_.ns[stage];
        times->ns[stage] += total / count;
    }
    return DCE_OK;
}

}  // namespace dce
