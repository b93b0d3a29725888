#include "dsp/curve.h"

namespace dce {

// ITU-R BT.601-7, BT.709-6 and BT.2020-2: Y' = Kr R' + Kg G' + Kb B', Pb = (B' - Y') / 2 (1 - Kb), Pr = (R' - Y') /
// 2 (1 - Kr). Limited: luma 16 + 219 Y', chroma 128 + 224 P; all of it times 4 in 10 bits. Full (JFIF, ITU-T H.273): luma
// M Y', chroma 128 + M P, or 512 + M P, M being the largest code.
YuvMatrix yuv_matrix(int matrix, int bits, double one) {
    constexpr double kWeights[][2] = {{0.299, 0.114}, {0.2126, 0.0722}, {0.2627, 0.0593}};  // of red and blue, by dce_matrix / 2
    const bool full = matrix % 2 != 0;
    const double kr = kWeights[matrix / 2][0];
    const double kb = kWeights[matrix / 2][1];
    const double kg = 1.0 - kr - kb;
    const int unit = 1 << (bits - 8);
    const double largest = (1 << bits) - 1;
    const double luma_codes = full ? largest : 219.0 * unit;
    const double chroma_codes = full ? largest : 224.0 * unit;
    YuvMatrix result;
    result.luma_scale = static_cast<float>(one / luma_codes);
    result.luma_offset = static_cast<float>(full ? 0 : 16 * unit);
    result.chroma_offset = static_cast<float>(128 * unit);
    result.largest = static_cast<float>(largest);
    result.red_v = static_cast<float>(one * 2.0 * (1.0 - kr) / chroma_codes);
    result.green_u = static_cast<float>(one * -2.0 * (1.0 - kb) * kb / kg / chroma_codes);
    result.green_v = static_cast<float>(one * -2.0 * (1.0 - kr) * kr / kg / chroma_codes);
    result.blue_u = static_cast<float>(one * 2.0 * (1.0 - kb) / chroma_codes);
    result.weights[0] = static_cast<float>(kr);
    result.weights[1] = static_cast<float>(kg);
    result.weights[2] = static_cast<float>(kb);
    result.luma_codes = static_cast<float>(luma_codes / one);
    result.u_codes = static_cast<float>(chroma_codes / (2.0 * (1.0 - kb)) / one);
    result.v_codes = static_cast<float>(chroma_codes / (2.0 * (1.0 - kr)) / one);
    result.white = static_cast<float>(1.0 / one);
    return result;
}

}  // namespace dce
