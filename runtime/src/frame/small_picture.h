// The downsampled picture as a whole, (height, width, 3), 0 … 1: where rows of it are not enough, for an engine, for a scene
// head, and for the frames of a video.
#ifndef DCELITE_FRAME_SMALL_PICTURE_H
#define DCELITE_FRAME_SMALL_PICTURE_H

#include "memory.h"

namespace dce {

class SmallPicture {
public:
    // False: no memory.
    bool prepare(int new_width, int new_height) {
        width = height = 0;
        if (!values_.reserve(static_cast<size_t>(new_width) * new_height, 3)) return false;
        width = new_width;
        height = new_height;
        return true;
    }

    float *row(int y) { return values_.data() + static_cast<size_t>(y) * width * 3; }
    const float *row(int y) const { return values_.data() + static_cast<size_t>(y) * width * 3; }
    const float *pixel(size_t index) const { return values_.data() + 3 * index; }

    int width = 0, height = 0;

private:
    Buffer<float> values_;
};

}  // namespace dce

#endif
