// The reader of .dce files: the shipped model, and every kind of damage to it.
#include <stdint.h>
#include <string.h>

#include <vector>

#include "check.h"
#include "int8_model.h"
#include "model/model.h"

namespace {

Bytes shipped() { return Bytes(dce::kDefaultModel, dce::kDefaultModel + dce::kDefaultModelSize); }

dce_status read(const Bytes &bytes, dce::Error *error) {
    dce::Model model;
    // A copy that ends with the last byte, so that an address sanitizer sees a read past it.
    uint8_t *copy = static_cast<uint8_t *>(malloc(bytes.size() + !bytes.size()));
    if (!bytes.empty()) memcpy(copy, bytes.data(), bytes.size());
    const dce_status status = dce::read_model(copy, bytes.size(), "file.dce", &model, error);
    free(copy);
    return status;
}

void refuse(const Bytes &bytes, const char *text) {
    dce::Error error;
    CHECK_EQUAL(read(bytes, &error), DCE_ERROR_MODEL);
    if (!strstr(error.message, text) || !strstr(error.message, "file.dce")) {
        fprintf(stderr, "message '%s' lacks '%s'\n", error.message, text);
        exit(1);
    }
}

void put_u32(Bytes *bytes, size_t offset, uint32_t value) {
    for (int i = 0; i < 4; ++i) (*bytes)[offset + i] = static_cast<uint8_t>(value >> 8 * i);
}

// Recomputes the checksum, so that the fields behind it are what is tested.
Bytes with_field(size_t offset, uint32_t value) {
    Bytes bytes = shipped();
    put_u32(&bytes, offset, value);
    uint32_t crc = 0xffffffffu;
    for (size_t i = 16; i < bytes.size(); ++i) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
    }
    put_u32(&bytes, 12, ~crc);
    return bytes;
}

void test_shipped() {
    dce::Error error;
    dce::Model model;
    const Bytes bytes = shipped();
    CHECK_EQUAL(dce::read_model(bytes.data(), bytes.size(), "file.dce", &model, &error), DCE_OK);
    CHECK_EQUAL(model.parameters, 12225);
    CHECK_EQUAL(model.scale, 12);
    // The first depthwise weight of the file, the last bias of its layers and of its scene head arrive where the kernels look
    // for them.
    constexpr size_t kSceneHead = 4 * SCENE_PARAMETERS;
    float first, last, last_of_head;
    memcpy(&first, bytes.data() + 64, 4);
    memcpy(&last, bytes.data() + bytes.size() - kSceneHead - 4, 4);
    memcpy(&last_of_head, bytes.data() + bytes.size() - 4, 4);
    CHECK(model.layers[0].depth[0] == first);
    CHECK(model.layers[6].bias[2] == last);
    CHECK(model.scene.output_bias[63] == last_of_head);
    for (int padding = 3; padding < 16; ++padding) CHECK(model.layers[6].bias[padding] == 0.0f);
}

void test_every_bit_flip() {
    dce::Error error;
    Bytes bytes = shipped();
    for (size_t i = 0; i < bytes.size(); i += i < 128 ? 1 : 97) {
        for (int bit = 0; bit < 8; ++bit) {
            bytes[i] ^= static_cast<uint8_t>(1 << bit);
            CHECK_EQUAL(read(bytes, &error), DCE_ERROR_MODEL);
            bytes[i] ^= static_cast<uint8_t>(1 << bit);
        }
    }
    CHECK_EQUAL(read(bytes, &error), DCE_OK);
}

void test_every_length() {
    dce::Error error;
    Bytes bytes = shipped();
    const size_t whole = bytes.size();
    for (size_t size = 0; size < whole; size += size < 80 ? 1 : 1009)
        CHECK_EQUAL(read(Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)), &error), DCE_ERROR_MODEL);
    bytes.push_back(0);
    refuse(bytes, "truncated or extended");
}

void test_fields() {
    refuse(Bytes(100, 'x'), "signature");
    refuse(with_field(8, 2), "format version 2");
    refuse(with_field(20, 4), "architecture 4");
    refuse(with_field(20, 2), "3 map channels");
    refuse(with_field(24, 9), "precision 9");
    refuse(with_field(28, 0), "scale 0");
    refuse(with_field(28, 65), "scale 65");
    refuse(with_field(32, 7), "7 iterations");
    refuse(with_field(36, 64), "64 filters");
    refuse(with_field(40, 24), "24 map channels");
    refuse(with_field(64, 0x7fc00000), "e_conv1 has a weight that is not finite");
    refuse(with_field(shipped().size() - 4 * SCENE_PARAMETERS - 4, 0x7f800000), "e_conv7 has a weight that is not finite");
    refuse(with_field(shipped().size() - 4, 0x7f800000), "the scene head has a weight that is not finite");
}

void refuse_int8(Bytes bytes, const char *text) {
    seal_model(bytes.data(), bytes.size());
    refuse(bytes, text);
}

void test_int8() {
    unsigned state = 1;
    const Bytes good = int8_model(false, &state);
    dce::Error error;
    CHECK_EQUAL(good.size(), INT8_MODEL);
    CHECK_EQUAL(read(good, &error), DCE_OK);
    constexpr size_t kBias = MODEL_HEADER + 27, kMultiplier = kBias + 12;
    Bytes bytes = good;
    bytes[MODEL_HEADER + 5] = 0x80;
    refuse_int8(bytes, "e_conv1 has a weight of -128");
    for (const uint32_t bias : {(1u << 29) + 1, 0x80000000u, 0x7fffffffu}) {
        bytes = good;
        put_le32(bytes.data() + kBias, bias);
        refuse_int8(bytes, "e_conv1 has a bias out of range");
    }
    for (const float multiplier : {-1e-6f, 1.0001f, 1e30f}) {
        bytes = good;
        put_le32(bytes.data() + kMultiplier, float_bits(multiplier));
        refuse_int8(bytes, "e_conv1 has a multiplier out of range");
    }
    bytes = good;
    put_le32(bytes.data() + kMultiplier, 0x7fc00000u);  // not a number
    refuse_int8(bytes, "e_conv1 has a multiplier out of range");
    bytes = good;
    bytes.pop_back();
    refuse_int8(bytes, "14027 were wanted");
    bytes = good;
    put_le32(bytes.data() + 20, 2);
    refuse_int8(bytes, "int8 weights of Zero-DCE;");
}

}  // namespace

int main() {
    test_shipped();
    test_every_bit_flip();
    test_every_length();
    test_fields();
    test_int8();
    return 0;
}
