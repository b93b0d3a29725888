// The rows of a frame, or of its curve map, in bands that threads work on at the same time.
//
// Every band streams: rows of the image feed the network, rows of the curve map that leave it are expanded to the image's
// width, and each output row lies between two of them. No image-sized intermediate exists. A band takes the rows of
// context that it shares with the next one from there, or computes them a second time where they are not there yet, so that
// none waits for another; the result does not depend on their number.
//
// Processors may be of unlike speed (big.LITTLE), and busy with other things. So a thread that has finished its band takes the lower
// half of what is left of the longest one, where that is worth the context that it computes a second time.
#ifndef DCELITE_FRAME_BANDS_H
#define DCELITE_FRAME_BANDS_H

#include "frame/map_source.h"
#include "frame/thread_pool.h"
#include "frame/video.h"

namespace dce {

// Which rows of the map the bands of a job work with.
enum class MapRowsOf {
    kNothing,
    kSource,  // those that the source gives
    kVideo,   // those that the video has
};

enum class RowsOf { kImage, kMap, kStrips };

struct Job {
    const Frame &frame;
    RowsOf rows;
    MapRowsOf map;
    Stage stage;            // that the time counts for
    const SmallPicture *picture = nullptr;  // what the source gives its rows for; null: they are downsampled from the image
    float strength = 1.0f;  // of the map, in rows of the image
    bool measures = false;  // the brightness of the enhanced image
};

class Bands;

// What one thread works on: a range of rows, and the memory for it, which stays from frame to frame.
class Band {
public:
    // Rows of the map, as they are; and those around row y of the image, expanded. In ascending order.
    const float *map_row(int y);
    MapRows expanded_rows(int y);

    RowMemory memory;
    uint64_t sum = 0;  // for the job's use; 0 when it begins
    SceneCounts counts;  // for the job's use; none when it begins
    StripMemory strips;  // for rows that are strips

private:
    friend class Bands;

    // Of what is left of the band: rows that its thread takes next, few at a time; and, to be called by another thread, the lower
    // half. False: there are none, or less than `least`.
    bool take(int *begin, int *end);
    bool give_half(int least, int *begin, int *end);
    int left() const;
    void set_rows(int begin, int end);

    bool prepare(const Bands &bands, const Job &job, int begin, int end, bool overwriting, bool timed);
    bool prepare_image(const Job &job);
    bool prepare_fixed(const Frame &frame, size_t expanded);
    void choose_saved_rows(int first, int last, bool overwriting);
    void save_rows();
    void read_row(int y, float *row);

    const MapSource *source_ = nullptr;
    const Video *video_ = nullptr;
    const Job *job_ = nullptr;
    int begin_ = 0, end_ = 0;  // rows; another thread may have taken the last of them
    uint64_t rows_left_ = 0;   // the next row, and, in the upper half, the one behind the last; read and written atomically
    int expanded_end_ = 0;     // the row of the map that is expanded next
    CurveNetwork network_;
    Buffer<float> map_row_;      // (low width, map channels)
    Buffer<float> expanded_[2];  // of map rows with even and odd index: (distinct maps, width, channels of the frame)
    Buffer<float> combined_[2];  // what these become in fixed point
    int combined_first_ = 0, combined_second_ = 0;  // of which rows
    StageTimes times_;           // of this job

    // Rows of the network's input that lie in other bands, saved before those overwrite them in place: rows
    // saved_first_ … head_end_ - 1 and tail_begin_ … saved_end_ - 1, one after the other.
    int saved_first_ = 0, head_end_ = 0, tail_begin_ = 0, saved_end_ = 0;
    Buffer<float> saved_;
};

class Bands {
public:
    Bands(const MapSource &source, const Video &video, ThreadPool &pool) : source_(source), video_(video), pool_(pool) {}

    // Calls body(Band &, int y) for each row of the job; rows of a band in ascending order. `times`, or null, grows by the
    // stages, averaged over the bands.
    template <typename Body>
    dce_status for_rows(const Job &job, StageTimes *times, Error *error, Body body) {
        return run(job, [](void *given, Band &band, int y) { (*static_cast<Body *>(given))(band, y); }, &body, times, error);
    }

    // Those of the last job.
    const Band *begin() const { return bands_; }
    const Band *end() const { return bands_ + count_; }

private:
    friend class Band;
    using Work = void (*)(void *body, Band &band, int y);

    dce_status run(const Job &job, Work work, void *body, StageTimes *times, Error *error);
    float rows_taken(const Job &job) const;
    void work_on(Band &band);
    bool take_from_others(int number);

    const MapSource &source_;
    const Video &video_;
    ThreadPool &pool_;
    Work work_ = nullptr;  // of the present job
    void *body_ = nullptr;
    int count_ = 0;
    bool may_give_ = false;     // bands, to threads that have none
    int least_ = 0;             // rows that are worth it
    Band bands_[kMaxThreads];
    Band taken_[kMaxThreads];   // what threads have taken of others' bands, by their own
};

}  // namespace dce

#endif
