// Rows of images of any format -> rows of the network's input (width, 3), 0 … 1, red first: bilinear, between two rows at
// `weight`, between the columns as `columns` (width) says. The same for every instruction set, bit by bit.
#ifndef DCELITE_DSP_DOWNSAMPLE_H
#define DCELITE_DSP_DOWNSAMPLE_H

#include "dsp/curve.h"

namespace dce {

void downsample_row(const uint8_t *above, const uint8_t *below, float weight, PixelLayout layout, const Sample *columns,
                    int width, float *output);

// 16-bit values, `channels` a pixel, red first.
void downsample16_row(const uint16_t *above, const uint16_t *below, float weight, int channels, const Sample *columns,
                      int width, float *output);

// YUV, clamped to 0 … 1.
void downsample_yuv_row(const YuvRow &above, const YuvRow &below, float weight, const YuvMatrix &matrix,
                        const Sample *columns, int width, float *output);

}  // namespace dce

#endif
