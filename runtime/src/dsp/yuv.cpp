#include "dsp/curve.h"

namespace dce {

// ITU-R BT.601-7 and BT.709-6: Y' = Kr R' + Kg G' + Kb B', Pb = (B' - Y') / 2 (1 - Kb), Pr = (R' - Y') / 2 (1 - Kr).
// Limited: luma 16 + 219 Y', chroma 128 + 224 P. Full (JFIF): 255 Y', 128 + 255 P.
YuvMatrix yuv_matrix(int matrix, double white) {
    const bool bt709 = matrix == DCE_BT709_LIMITED || matrix == DCE_BT709_FULL;
    const bool full = matrix == DCE_BT601_FULL || matrix == DCE_BT709_FULL;
    const double kr = bt709 ? 0.2126 : 0.299;
    const double kb = bt709 ? 0.0722 : 0.114;
    const double kg = 1.0 - kr - kb;
    const double luma_codes = full ? 255.0 : 219.0;
    const double chroma_codes = full ? 255.0 : 224.0;
    YuvMatrix result;
    result.luma_scale = static_cast<float>(white / luma_codes);
    result.luma_offset = full ? 0.0f : 16.0f;
    result.red_v = static_cast<float>(white * 2.0 * (1.0 - kr) / chroma_codes);
    result.green_u = static_cast<float>(white * -2.0 * (1.0 - kb) * kb / kg / chroma_codes);
    result.green_v = static_cast<float>(white * -2.0 * (1.0 - kr) * kr / kg / chroma_codes);
    result.blue_u = static_cast<float>(white * 2.0 * (1.0 - kb) / chroma_codes);
    result.weights[0] = static_cast<float>(kr);
    result.weights[1] = static_cast<float>(kg);
    result.weights[2] = static_cast<float>(kb);
    result.luma_codes = static_cast<float>(luma_codes);
    result.u_codes = static_cast<float>(chroma_codes / (2.0 * (1.0 - kb)));
    result.v_codes = static_cast<float>(chroma_codes / (2.0 * (1.0 - kr)));
    return result;
}

}  // namespace dce
