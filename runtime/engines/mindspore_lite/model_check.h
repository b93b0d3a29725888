// What can be known about the bytes of a .ms file before MindSpore Lite sees them.
//
// A .ms file is a FlatBuffer: u32 offset of its root table, the identifier "MSL2", then tables. MindSpore Lite verifies its
// structure, which finds truncation, but not every flipped bit: some pass into the weights, some crash it. Files written by
// dcelite therefore carry a seal between identifier and tables (64 bytes, with the root offset raised by as much; the format
// allows such gaps, and MindSpore Lite's own tools read sealed files like others). Little endian:
//
//     file offset  0  u32 root offset      4  "MSL2"
//                  8  8 bytes magic 89 44 43 4D 0D 0A 1A 0A ("\x89DCM\r\n\x1a\n")
//                 16  u32 seal version = 1
//                 20  u32 file size in bytes
//                 24  u32 scale, the downsampling factor the network was trained for, 1..64; 0 where it is not known
//                 28  32 bytes zero
//                 60  u32 CRC-32 (as zlib's) of the whole file with these four bytes taken as zero
//                 64  8 bytes magic again, so that no single damage hides the seal
//
// seal.py writes it.
#ifndef DCELITE_MSLITE_MODEL_CHECK_H
#define DCELITE_MSLITE_MODEL_CHECK_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace dcelite {

struct Seal {
  bool present = false;
  int32_t scale = 0;  // 0: not known
};

inline constexpr size_t kSealOffset = 8, kSealSize = 64, kCrcOffset = 60, kSecondMagicOffset = 64;
inline constexpr uint8_t kMagic[8] = {0x89, 'D', 'C', 'M', '\r', '\n', 0x1a, '\n'};
inline constexpr uint32_t kSealVersion = 1, kMaxScale = 64;

inline uint32_t read_u32(const uint8_t *bytes) {
  return bytes[0] | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16 | uint32_t{bytes[3]} << 24;
}

inline uint32_t crc32_continue(uint32_t crc, const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0u);
  }
  return crc;
}

inline uint32_t sealed_crc32(const uint8_t *data, size_t size) {
  const uint8_t zero[4] = {};
  uint32_t crc = crc32_continue(0xFFFFFFFFu, data, kCrcOffset);
  crc = crc32_continue(crc, zero, sizeof zero);
  return ~crc32_continue(crc, data + kCrcOffset + sizeof zero, size - kCrcOffset - sizeof zero);
}

inline std::string check_seal(const uint8_t *data, size_t size, Seal *seal) {
  if (size < kSealOffset + kSealSize) return "is truncated or damaged (" + std::to_string(size) + " bytes)";
  const uint32_t version = read_u32(data + 16), recorded_size = read_u32(data + 20), scale = read_u32(data + 24);
  if (recorded_size != size)
    return "is truncated or damaged: " + std::to_string(size) + " bytes, its header says " + std::to_string(recorded_size);
  if (read_u32(data + kCrcOffset) != sealed_crc32(data, size)) return "is damaged: its CRC-32 does not match its header";
  if (version != kSealVersion)
    return "has seal version " + std::to_string(version) + ", this program reads " + std::to_string(kSealVersion);
  if (scale > kMaxScale) return "has scale " + std::to_string(scale) + ", 1 to 64 was wanted";
  seal->present = true;
  seal->scale = static_cast<int32_t>(scale);
  return "";
}

// Checks identifier and seal. Returns an empty string, or the reason why the bytes are not a whole, undamaged model.
inline std::string check_model(const uint8_t *data, size_t size, Seal *seal) {
  *seal = Seal();
  if (size == 0) return "is empty, a MindSpore Lite model was wanted";
  const auto has_magic = [&](size_t offset) {
    return size >= offset + sizeof kMagic && std::memcmp(data + offset, kMagic, sizeof kMagic) == 0;
  };
  if (has_magic(kSealOffset) || has_magic(kSecondMagicOffset)) {
    const std::string reason = check_seal(data, size, seal);
    if (!reason.empty()) return reason;
  }
  if (size < 8 || std::memcmp(data + 4, "MSL2", 4) != 0) return "is not a MindSpore Lite model (no identifier MSL2)";
  if (read_u32(data) > size - 4) return "is truncated or damaged (" + std::to_string(size) + " bytes)";
  return "";
}

}  // namespace dcelite

#endif  // DCELITE_MSLITE_MODEL_CHECK_H
