# Writes the bytes of MODEL as a C++ array to OUTPUT.
file(READ "${MODEL}" hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "((0x..,){24})" "\\1\n" bytes "${bytes}")
file(WRITE "${OUTPUT}" "#include \"model/model.h\"

namespace dce {
alignas(64) extern const uint8_t kDefaultModel[] = {
${bytes}
};
extern const size_t kDefaultModelSize = sizeof kDefaultModel;
}  // namespace dce
")
