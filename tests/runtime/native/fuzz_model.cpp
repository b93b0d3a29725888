// The reader of .dce files and the network behind it, on bytes that a fuzzer makes.
//
// Input: one byte, then either a file as it stands (byte even), or (odd) bytes 8 to 11 and 20 to 63 of a header and then
// weights, repeated as often as the architecture in the header wants; signature, size and checksum are then made to match,
// which a fuzzer would not find by itself.
#include "check.h"
#include "dcelite.h"
#include "fuzz_input.h"
#include "model_bytes.h"

namespace {

// A copy that ends where the file ends, so that a read past it is seen.
struct File {
    explicit File(size_t count) : bytes(static_cast<uint8_t *>(malloc(count + !count))), size(count) { CHECK(bytes); }
    File(const File &) = delete;
    File &operator=(const File &) = delete;
    ~File() { free(bytes); }

    uint8_t *bytes;
    size_t size;
};

size_t sealed_size(const uint8_t *header, uint8_t mode) {
    if (mode & 2) return MODEL_HEADER + static_cast<size_t>(4 * (mode >> 2));  // a short file that says it is whole
    const size_t scene = header[20] == 3 ? size_t{4} * SCENE_PARAMETERS : 0;
    if (header[24] == 1) return INT8_MODEL + scene;
    return MODEL_HEADER + size_t{4} * (header[20] == 2 ? ZERODCE_PARAMETERS : ZERODCEPP_PARAMETERS) + scene;
}

// Opens the file; where it is accepted, runs it.
void open_and_run(const File &file, dce_precision precision) {
    dce_options options;
    dce_enhancer *handle;
    dce_options_init(&options);
    options.model_data = file.bytes;
    options.model_data_size = file.size;
    options.threads = 1;
    options.precision = precision;
    const dce_status status = dce_open(&options, &handle);
    CHECK(handle);
    if (status == DCE_OK) {
        uint8_t pixels[5 * 4 * 3];
        for (size_t i = 0; i < sizeof pixels; ++i) pixels[i] = static_cast<uint8_t>(37 * i);
        dce_image image = {};
        image.format = DCE_RGB8;
        image.width = 5;
        image.height = 4;
        image.plane[0] = pixels;
        image.stride[0] = 15;
        dce_model_info info = {};
        info.size = sizeof info;
        CHECK_EQUAL(dce_get_model_info(handle, &info), DCE_OK);
        CHECK(info.scale >= 1 && info.scale <= DCE_MAX_SCALE);
        const bool int8 = file.bytes[24] == 1;
        const size_t scene = info.architecture == DCE_ARCHITECTURE_ZERODCEPP_SCENE ? size_t{4} * SCENE_PARAMETERS : 0;
        CHECK_EQUAL(file.size, int8 ? INT8_MODEL + scene : MODEL_HEADER + 4 * static_cast<size_t>(info.parameters));
        CHECK_EQUAL(dce_enhance(handle, &image, &image), DCE_OK);
    } else {
        CHECK_EQUAL(status, DCE_ERROR_MODEL);
        CHECK(*dce_error_message(handle));
        CHECK_EQUAL(dce_enhance(handle, nullptr, nullptr), DCE_ERROR_INVALID_ARGUMENT);
    }
    dce_close(handle);
}

void open_and_run(const File &file) {
    open_and_run(file, DCE_EXACT);
    open_and_run(file, DCE_FAST);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FuzzInput input(data, size);
    const uint8_t mode = input.take<uint8_t>();
    if (mode % 2 == 0) {
        File file(input.rest_size());
        if (file.size) memcpy(file.bytes, input.rest(), file.size);
        open_and_run(file);
        return 0;
    }
    uint8_t header[MODEL_HEADER] = {};
    for (int i = 8; i < 12; ++i) header[i] = input.take<uint8_t>();
    for (int i = 20; i < MODEL_HEADER; ++i) header[i] = input.take<uint8_t>();
    File file(sealed_size(header, mode));
    memcpy(file.bytes, header, sizeof header);
    for (size_t i = MODEL_HEADER; i < file.size; ++i)
        file.bytes[i] = input.rest_size() ? input.rest()[(i - MODEL_HEADER) % input.rest_size()] : 0;
    seal_model(file.bytes, file.size);
    open_and_run(file);
    return 0;
}
