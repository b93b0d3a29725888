// YUV with 2 x 2 subsampled chroma.
#ifndef DCELITE_DSP_YUV_H
#define DCELITE_DSP_YUV_H

#include <stdint.h>

namespace dce {

// A row of luma and the row of chroma that covers it.
struct YuvRow {
    uint8_t *luma;
    uint8_t *u, *v;
    int step;  // bytes from a chroma sample to the next
};

// R'G'B' in 0 … 1 from codes, and back: red = luma_scale (Y - luma_offset) + red_v (V - 128), and so on.
struct YuvMatrix {
    float luma_scale, luma_offset;
    float red_v, green_u, green_v, blue_u;
    float weights[3];        // of red, green and blue in luma
    float luma_codes;        // 1 / luma_scale
    float u_codes, v_codes;  // of blue - luma and red - luma
};

// The coefficients of a dce_matrix.
YuvMatrix yuv_matrix(int matrix);

}  // namespace dce

#endif
