// Where the time of a call goes, stage by stage.
#ifndef DCELITE_FRAME_STOPWATCH_H
#define DCELITE_FRAME_STOPWATCH_H

#include "platform.h"

namespace dce {

enum Stage { kConvertStage, kDownsampleStage, kNetworkStage, kDenoiseStage, kCurveStage, kStages };

struct StageTimes {
    int64_t ns[kStages] = {};
};

// Adds its lifetime to a stage. Within the lifetime of another one, of stage `within`, that much is taken from that stage, so
// that no time counts twice.
class Stopwatch {
public:
    // `times` null: does nothing.
    explicit Stopwatch(StageTimes *times, Stage stage, Stage within = kStages)
        : times_(times), stage_(stage), within_(within), begin_(times ? now_ns() : 0) {}
    Stopwatch(const Stopwatch &) = delete;
    Stopwatch &operator=(const Stopwatch &) = delete;
    ~Stopwatch() {
        if (!times_) return;
        const int64_t elapsed = now_ns() - begin_;
        times_->ns[stage_] += elapsed;
        if (within_ != kStages) times_->ns[within_] -= elapsed;
    }

private:
    StageTimes *const times_;
    const Stage stage_, within_;
    const int64_t begin_;
};

}  // namespace dce

#endif
