// The caller's images: checks, and where their rows and channels lie.
#ifndef DCELITE_FRAME_IMAGE_H
#define DCELITE_FRAME_IMAGE_H

#include "dsp/curve.h"
#include "error.h"

namespace dce {

enum class Kind { kInterleaved8, kInterleaved16, kYuv8, kYuv10 };

inline bool is_yuv(Kind kind) { return kind == Kind::kYuv8 || kind == Kind::kYuv10; }

// These take images that check_image has accepted.
Kind kind_of(const dce_image &image);
PixelLayout layout_of(const dce_image &image);  // of interleaved formats

inline bool same_layout(PixelLayout a, PixelLayout b) { return a.channels == b.channels && a.position[0] == b.position[0]; }

inline uint8_t *plane_row(const dce_image &image, int plane, int y) {
    return static_cast<uint8_t *>(image.plane[plane]) + static_cast<ptrdiff_t>(y) * image.stride[plane];
}
inline uint8_t *row_of(const dce_image &image, int y) { return plane_row(image, 0, y); }
inline uint16_t *row16_of(const dce_image &image, int y) { return reinterpret_cast<uint16_t *>(row_of(image, y)); }
YuvRow yuv_row_of(const dce_image &image, int y);
Samples samples_of(const dce_image &image);  // of YUV

// Refuses what is not an image: format, size, planes, strides. `name` is "source" or "destination".
dce_status check_image(const dce_image *image, const char *name, Error *error);

// Refuses pairs of different size, of formats that do not go together, and destinations that overlap themselves, or a source
// that is not the very same image.
dce_status check_pair(const dce_image &source, const dce_image &destination, Error *error);

}  // namespace dce

#endif
