// The caller's images: checks, and the order of their channels.
#ifndef DCELITE_IMAGE_H
#define DCELITE_IMAGE_H

#include "error.h"
#include "kernels.h"

namespace dce {

// Channel order of a format that check_image has accepted.
PixelLayout layout_of(const dce_image &image);

inline bool same_layout(PixelLayout a, PixelLayout b) { return a.channels == b.channels && a.position[0] == b.position[0]; }

inline uint8_t *row_of(const dce_image &image, int y) {
    return static_cast<uint8_t *>(image.plane[0]) + static_cast<ptrdiff_t>(y) * image.stride[0];
}

// Refuses what is not an image: format, size, plane, stride. `name` is "source" or "destination".
dce_status check_image(const dce_image *image, const char *name, Error *error);

// Refuses pairs of different size, and those whose rows would overwrite each other.
dce_status check_pair(const dce_image &source, const dce_image &destination, Error *error);

// Copies a row of pixels into another channel order; alpha becomes 255 where the source has none. In place where the pixels
// have equally many bytes.
void convert_row(const uint8_t *source, PixelLayout from, int width, PixelLayout to, uint8_t *destination);

}  // namespace dce

#endif
