// Which kernels are chosen on a processor that is emulated, by the same build: selection_test PROCESSOR FLOAT INT8, the
// names that are wanted. A picture and a frame of YUV follow, which must not come to an instruction that it lacks.
#include <string.h>

#include <initializer_list>
#include <vector>

#include "check.h"
#include "dcelite.h"
#include "instruction_set.h"
#include "kernels_int8.h"

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

void check_name(const char *seen, const char *wanted) {
    if (strcmp(seen, wanted) == 0) return;
    fprintf(stderr, "kernels for %s were chosen, for %s were wanted\n", seen, wanted);
    exit(1);
}

}  // namespace

int main(int argc, char **argv) {
    CHECK_EQUAL(argc, 4);
    if (!is_emulated()) start_emulated(argv[1], argv[1], argv);
    unsetenv("DCELITE_ISA");
    const char *requested;
    char names[64];
    const dce::Kernels *kernels = dce::select_kernels(&requested, names, sizeof names);
    CHECK(kernels);
    check_name(kernels->name, argv[2]);
    check_name(dce::int8_kernels_beside(*kernels).name, argv[3]);
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
