// What Arm NEON with and without dot products have in common: vectors of 4 words. Included by their files.
#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

namespace dce {
namespace int8 {
namespace {

constexpr int kLanes = 4;
constexpr int kBlockPairs = 2;
constexpr int kBlockVectors = 4;
constexpr bool kSigned = true;

typedef float32x4_t Floats;
typedef int32x4_t Ints;

// Unsigned bytes less 128, as signed ones.
inline int8x16_t signed_bytes(Ints values) { return veorq_s8(vreinterpretq_s8_s32(values), vdupq_n_s8(-128)); }

inline Ints nearest(Floats x) { return vcvtnq_s32_f32(x); }

inline Ints clamp(Ints x) { return vminq_s32(vmaxq_s32(x, vdupq_n_s32(0)), vdupq_n_s32(255)); }

inline void store_bytes(Ints x, uint8_t *values) {
    const uint16x4_t words = vmovn_u32(vreinterpretq_u32_s32(x));
    const uint32x2_t bytes = vreinterpret_u32_u8(vmovn_u16(vcombine_u16(words, words)));
    const uint32_t word = vget_lane_u32(bytes, 0);
    memcpy(values, &word, sizeof word);
}

}  // namespace
}  // namespace int8
}  // namespace dce
