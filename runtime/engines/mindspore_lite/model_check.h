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
#include <string>

namespace dcelite {

struct Seal {
  bool present = false;
  int32_t scale = 0;  // 0: not known
};

// Checks identifier and seal. Returns an empty string, or the reason why the bytes are not a whole, undamaged model.
std::string check_model(const uint8_t *data, size_t size, Seal *seal);

}  // namespace dcelite

#endif  // DCELITE_MSLITE_MODEL_CHECK_H
