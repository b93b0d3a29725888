// Which kernels are chosen on a processor that is emulated, by the same build: selection_test PROCESSOR SET, the name that is
// wanted. A picture and a frame of YUV follow, which must not come to an instruction that it lacks.
#include <string.h>

#include <initializer_list>
#include <vector>

#include "check.h"
#include "dcelite.h"
#include "dsp/instruction_set.h"

namespace {

using Bytes = std::vector<uint8_t>;

Bytes random_bytes(size_t count) {
    unsigned state = 5;
    Bytes bytes(count);
    for (uint8_t &byte : bytes) byte = static_cast<uint8_t>(random_u32(&state) >> 26);
    return bytes;
}

Bytes enhanced(int32_t format, int width, int height) {
    Bytes pixels = random_bytes(static_cast<size_t>(width) * height * 6);
    dce_image image = {};
    image.format = format;
    image.width = width;
    image.height = height;
    image.stride[0] = format == DCE_NV12 ? width : format == DCE_RGB16 ? 6 * width : 3 * width;
    image.stride[1] = width;
    image.plane[0] = pixels.data();
    image.plane[1] = pixels.data() + width * height;
    dce_enhancer *handle;
    CHECK_EQUAL(dce_open(nullptr, &handle), DCE_OK);
    CHECK_EQUAL(dce_enhance(handle, &image, &image), DCE_OK);
    dce_close(handle);
    return pixels;
}

}  // namespace

int main(int argc, char **argv) {
    CHECK_EQUAL(argc, 3);
    if (!is_emulated()) start_emulated(argv[1], argv[1], argv);
    unsetenv("DCELITE_ISA");
    const char *chosen = dce::choose_dsp(nullptr)->name;
    if (strcmp(chosen, argv[2]) != 0) {
        fprintf(stderr, "kernels for %s were chosen, for %s were wanted\n", chosen, argv[2]);
        return 1;
    }
    for (const int32_t format : {DCE_RGB8, DCE_RGB16, DCE_NV12}) {
        const Bytes seen = enhanced(format, 150, 70);
        setenv("DCELITE_ISA", "scalar", 1);
        const Bytes wanted = enhanced(format, 150, 70);
        unsetenv("DCELITE_ISA");
        int different = 0;
        for (size_t i = 0; i < seen.size(); ++i) different += seen[i] != wanted[i];
        CHECK(different <= static_cast<int>(seen.size()) / 100);
        CHECK(seen != random_bytes(seen.size()));
    }
    return 0;
}
