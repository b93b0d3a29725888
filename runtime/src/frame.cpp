// The frame kernels for what every processor of an architecture has (on 64-bit Arm that includes NEON), and what is the same
// for all instruction sets.
#include "frame.h"

#include "frame_kernels.h"

namespace dce {

#if defined(__x86_64__)
extern const FrameKernels kAvx2FrameKernels;
extern const FrameKernels kAvx512FrameKernels;
#endif

namespace {

float lerp(float from, float to, float weight) { return from + weight * (to - from); }

struct Colour {
    float rgb[3];
};

// The pixel in column x, clamped to what a display can show.
Colour colour_at(const YuvRow &row, const YuvMatrix &matrix, int x) {
    const ptrdiff_t chroma = static_cast<ptrdiff_t>(x / 2) * row.step;
    const float luma = (static_cast<float>(row.luma[x]) - matrix.luma_offset) * matrix.luma_scale;
    const float u = static_cast<float>(row.u[chroma]) - 128.0f;
    const float v = static_cast<float>(row.v[chroma]) - 128.0f;
    return {{clamp(luma + matrix.red_v * v, 1.0f), clamp(luma + matrix.green_u * u + matrix.green_v * v, 1.0f),
             clamp(luma + matrix.blue_u * u, 1.0f)}};
}

}  // namespace

// ITU-R BT.601-7 and BT.709-6: Y' = Kr R' + Kg G' + Kb B', Pb = (B' - Y') / 2 (1 - Kb), Pr = (R' - Y') / 2 (1 - Kr).
// Limited: luma 16 + 219 Y', chroma 128 + 224 P. Full (JFIF): 255 Y', 128 + 255 P.
YuvMatrix yuv_matrix(int matrix) {
    const bool bt709 = matrix == DCE_BT709_LIMITED || matrix == DCE_BT709_FULL;
    const bool full = matrix == DCE_BT601_FULL || matrix == DCE_BT709_FULL;
    const double kr = bt709 ? 0.2126 : 0.299;
    const double kb = bt709 ? 0.0722 : 0.114;
    const double kg = 1.0 - kr - kb;
    const double luma_codes = full ? 255.0 : 219.0;
    const double chroma_codes = full ? 255.0 : 224.0;
    YuvMatrix result;
    result.luma_scale = static_cast<float>(1.0 / luma_codes);
    result.luma_offset = full ? 0.0f : 16.0f;
    result.red_v = static_cast<float>(2.0 * (1.0 - kr) / chroma_codes);
    result.green_u = static_cast<float>(-2.0 * (1.0 - kb) * kb / kg / chroma_codes);
    result.green_v = static_cast<float>(-2.0 * (1.0 - kr) * kr / kg / chroma_codes);
    result.blue_u = static_cast<float>(2.0 * (1.0 - kb) / chroma_codes);
    result.weights[0] = static_cast<float>(kr);
    result.weights[1] = static_cast<float>(kg);
    result.weights[2] = static_cast<float>(kb);
    result.luma_codes = static_cast<float>(luma_codes);
    result.u_codes = static_cast<float>(chroma_codes / (2.0 * (1.0 - kb)));
    result.v_codes = static_cast<float>(chroma_codes / (2.0 * (1.0 - kr)));
    return result;
}

const FrameKernels &frame_kernels_of(const Kernels &kernels) {
#if defined(__x86_64__)
    if (&kernels == &kAvx512Kernels) return kAvx512FrameKernels;
    if (&kernels == &kAvx2Kernels) return kAvx2FrameKernels;
#endif
    (void)kernels;
    return kFrameKernels;
}

void downsample16_row(const uint16_t *above, const uint16_t *below, float weight, const Sample *columns, int width,
                      float *output) {
    for (int x = 0; x < width; ++x) {
        const Sample column = columns[x];
        for (int c = 0; c < 3; ++c) {
            const float top = lerp(above[3 * column.first + c], above[3 * column.second + c], column.weight);
            const float bottom = lerp(below[3 * column.first + c], below[3 * column.second + c], column.weight);
            output[3 * x + c] = lerp(top, bottom, weight) * (1.0f / 65535.0f);
        }
    }
}

void downsample_yuv_row(const YuvRow &above, const YuvRow &below, float weight, const YuvMatrix &matrix,
                        const Sample *columns, int width, float *output) {
    for (int x = 0; x < width; ++x) {
        const Sample column = columns[x];
        const Colour corners[2][2] = {{colour_at(above, matrix, column.first), colour_at(above, matrix, column.second)},
                                      {colour_at(below, matrix, column.first), colour_at(below, matrix, column.second)}};
        for (int c = 0; c < 3; ++c) {
            const float top = lerp(corners[0][0].rgb[c], corners[0][1].rgb[c], column.weight);
            const float bottom = lerp(corners[1][0].rgb[c], corners[1][1].rgb[c], column.weight);
            output[3 * x + c] = lerp(top, bottom, weight);
        }
    }
}

}  // namespace dce
