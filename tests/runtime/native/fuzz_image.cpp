// dce_open, dce_enhance and dce_curve_map with options and images that a fuzzer makes, most of them impossible.
//
// The rules of dcelite.h are written down here a second time, as `is_valid`: the library must accept what they accept and
// refuse the rest. Images that are valid get buffers of exactly the size that their strides span, the others a single byte,
// so that an address sanitizer sees every step beyond what the caller has given.
#include "check.h"
#include "dcelite.h"
#include "formats.h"
#include "fuzz_input.h"

namespace {

constexpr int64_t kLargestBuffer = 1 << 18;              // bytes; larger images are left out

const format_facts &facts(const dce_image &image) { return kFacts[image.format]; }
bool is_format(int32_t format) { return format >= 0 && format < FORMATS; }
int64_t chroma_step(const dce_image &image) {  // in samples
    if (facts(image).planes == 2) return 2;
    return image.format == DCE_I420 && image.chroma_step ? image.chroma_step : 1;
}

int64_t rows_of(const dce_image &image, int plane) { return plane ? (int64_t{image.height} + 1) / 2 : image.height; }

// Bytes from the first sample of a row to the end of the last one.
int64_t row_bytes(const dce_image &image, int plane) {
    if (!plane) return int64_t{image.width} * facts(image).pixel_bytes;
    const int64_t samples = (int64_t{image.width} + 1) / 2;
    return (facts(image).planes == 3 ? (samples - 1) * chroma_step(image) + 1 : 2 * samples) * facts(image).value_bytes;
}

int64_t magnitude(int64_t value) { return value < 0 ? -value : value; }

bool is_valid_plane(const dce_image &image, int plane) {
    if (rows_of(image, plane) > 1 && image.stride[plane] % facts(image).value_bytes) return false;
    if (image.stride[plane] == PTRDIFF_MIN) return true;
    return rows_of(image, plane) == 1 || magnitude(image.stride[plane]) >= row_bytes(image, plane);
}

bool is_valid(const dce_image &image) {
    if (!is_format(image.format)) return false;
    if (image.width < 1 || image.width > DCE_MAX_DIMENSION || image.height < 1 || image.height > DCE_MAX_DIMENSION)
        return false;
    if (is_yuv(image.format) && (image.matrix < DCE_BT601_LIMITED || image.matrix > DCE_BT2020_FULL)) return false;
    if (image.format == DCE_I420 && (image.chroma_step < 0 || image.chroma_step > DCE_MAX_CHROMA_STEP)) return false;
    for (int plane = 0; plane < facts(image).planes; ++plane)
        if (!is_valid_plane(image, plane)) return false;
    return true;
}

// The memory of an image.
struct Planes {
    void *memory[3] = {};

    Planes() = default;
    Planes(const Planes &) = delete;
    Planes &operator=(const Planes &) = delete;
    ~Planes() {
        for (void *each : memory) free(each);
    }

    // False where the image is valid but too large to be tried.
    bool provide(dce_image *image, bool valid) {
        for (int plane = 0; plane < 3; ++plane) {
            const bool used = valid && plane < facts(*image).planes;
            int64_t before = 0, size = 1;
            if (used) {
                const int64_t rows = rows_of(*image, plane), stride = image->stride[plane];
                if (rows > 1 && (stride < -kLargestBuffer || stride > kLargestBuffer)) return false;
                const int64_t span = rows > 1 ? stride * (rows - 1) : 0;
                before = span < 0 ? -span : 0;
                size = magnitude(span) + row_bytes(*image, plane);
            }
            if (size > kLargestBuffer) return false;
            memory[plane] = malloc(static_cast<size_t>(size));
            CHECK(memory[plane]);
            memset(memory[plane], 0x40, static_cast<size_t>(size));
            image->plane[plane] = static_cast<uint8_t *>(memory[plane]) + before;
        }
        return true;
    }
};

// Any number; half of the time one in the range of interest.
int32_t dimension(FuzzInput *input) { return input->between(0, 1) ? input->between(1, 90) : input->take<int32_t>(); }

ptrdiff_t stride(FuzzInput *input, const dce_image &image, int plane) {
    const int choice = input->between(0, 3);
    if (choice == 3 || !is_format(image.format)) return static_cast<ptrdiff_t>(input->take<int64_t>());
    const auto row = static_cast<ptrdiff_t>(row_bytes(image, plane));
    return choice == 0 ? row : choice == 1 ? -row - input->between(0, 7) : row + input->between(-2, 5);
}

dce_image take_image(FuzzInput *input) {
    dce_image image = {};
    const int format = input->between(0, FORMATS);
    image.format = format == FORMATS ? input->take<int32_t>() : format;
    image.width = dimension(input);
    image.height = dimension(input);
    const int matrix = input->between(0, DCE_BT2020_FULL + 1), step = input->between(0, DCE_MAX_CHROMA_STEP + 1);
    image.matrix = matrix > DCE_BT2020_FULL ? input->take<int32_t>() : matrix;
    image.chroma_step = step > DCE_MAX_CHROMA_STEP ? input->take<int32_t>() : step;
    for (int plane = 0; plane < 3; ++plane) image.stride[plane] = stride(input, image, plane);
    return image;
}

// An engine whose map holds whatever the fuzzer likes, not-a-number and infinity too.
int run_engine(void *context, const float *image, int32_t height, int32_t width, float *map, char *, size_t) {
    FuzzInput *input = static_cast<FuzzInput *>(context);
    const size_t count = static_cast<size_t>(3) * height * width;
    for (size_t i = 0; i < count; ++i) {
        CHECK(image[i] >= 0.0f && image[i] <= 1.0f);
        map[i] = input->take<float>();
    }
    return input->take<uint8_t>() == 255;
}

bool is_valid(const dce_options &options) {
    return options.threads >= 0 && options.threads <= 64 && options.scale >= 0 && options.scale <= DCE_MAX_SCALE &&
           options.strength >= 0.0f && options.strength <= 1.0f && options.smoothing >= 0.0f && options.smoothing < 1.0f &&
           options.map_interval >= 1 && options.denoise >= 0.0f && options.denoise <= 1.0f && options.temporal_denoise >= 0.0f &&
           options.temporal_denoise <= 1.0f && options.noise_level >= 0.0f && options.noise_level <= 255.0f &&
           options.white > 0.0f && options.white <= 1.0f && (options.precision == DCE_EXACT || options.precision == DCE_FAST);
}

dce_options take_options(FuzzInput *input) {
    dce_options options;
    dce_options_init(&options);
    const int kind = input->between(0, 7);
    options.threads = kind == 7 ? input->take<int32_t>() : input->between(1, 3);
    options.scale = kind == 6 ? input->take<int32_t>() : input->between(0, DCE_MAX_SCALE);
    if (kind == 5) options.strength = input->take<float>();
    if (kind == 4) options.smoothing = input->take<float>();
    if (kind == 3) options.map_interval = input->take<int32_t>();
    if (kind == 1) {
        const int noise = input->between(0, 7);
        if (noise > 5) options.white = noise == 7 ? input->take<float>() : 0.75f;
        options.denoise = noise == 5 ? input->take<float>() : noise % 2 ? 1.0f : 0.0f;
        options.temporal_denoise = noise == 4 ? input->take<float>() : noise > 1 ? 0.7f : 0.0f;
        options.noise_level = noise == 3 ? input->take<float>() : 0.0f;
    }
    if (kind == 2) {
        options.smoothing = 0.5f;
        options.map_interval = 2;
        options.precision = DCE_FAST;
    }
    if (kind == 0) options.precision = input->between(0, 3) ? DCE_FAST : input->take<int32_t>();
    return options;
}

bool is_valid_pair(const dce_image &source, const dce_image &destination) {
    if (source.width != destination.width || source.height != destination.height) return false;
    if (is_yuv(destination.format) && source.matrix != destination.matrix) return false;
    return goes_to(source.format, destination.format);
}

// Whether an image with the planes of another one may be its destination.
bool may_be_in_place(const dce_image &source, const dce_image &destination) {
    if (is_yuv(source.format) || is_yuv(destination.format)) return source.format == destination.format;
    return facts(source).pixel_bytes == facts(destination).pixel_bytes;
}

// Another format that stays within the memory of this one.
int related_format(int format, int choice) {
    if (format == DCE_NV12 || format == DCE_NV21) return DCE_NV12 + choice % 2;
    if (format > DCE_BGRA8) return format;
    return kFacts[format].pixel_bytes == 4 ? choice : choice % 2;
}

void check_map(dce_enhancer *handle, const dce_image &source, bool valid, bool room) {
    int32_t width = 0, height = 0, channels = 0;
    const dce_status status = dce_curve_map_size(handle, source.width, source.height, &width, &height, &channels);
    if (status != DCE_OK) {
        CHECK(!valid);
        return;
    }
    const size_t floats = static_cast<size_t>(width) * height * channels - !room;
    if (floats > kLargestBuffer) return;
    float *map = static_cast<float *>(malloc(floats * sizeof *map + !floats));
    const dce_status computed = dce_curve_map(handle, &source, map, floats);
    if (!valid || !room) CHECK_EQUAL(computed, DCE_ERROR_INVALID_ARGUMENT);
    if (valid && room) CHECK(computed == DCE_OK || computed == DCE_ERROR_ENGINE);
    free(map);
}

void run(dce_enhancer *handle, FuzzInput *input) {
    for (int frame = input->between(1, 3); frame > 0; --frame) {
        dce_image source = take_image(input), destination = take_image(input);
        const int relation = input->between(0, 3);
        if (relation > 0) {  // a destination that has a chance
            destination.width = source.width;
            destination.height = source.height;
            for (int plane = 0; plane < 3; ++plane) destination.stride[plane] = stride(input, destination, plane);
        }
        if (relation > 1) destination = source;
        const bool valid_source = is_valid(source), valid_destination = is_valid(destination);
        Planes source_planes, destination_planes;
        if (!source_planes.provide(&source, valid_source)) continue;
        bool valid = valid_source && valid_destination && is_valid_pair(source, destination);
        if (relation == 3) {
            memcpy(destination.plane, source.plane, sizeof source.plane);
            if (valid) destination.format = related_format(source.format, input->between(DCE_RGB8, DCE_BGRA8));
            valid = valid && is_valid(destination) && may_be_in_place(source, destination);
        } else if (!destination_planes.provide(&destination, valid_destination)) {
            continue;
        }
        check_map(handle, source, valid_source, input->between(0, 3) > 0);
        const dce_status status = dce_enhance(handle, &source, &destination);
        if (!valid) CHECK_EQUAL(status, DCE_ERROR_INVALID_ARGUMENT);
        if (valid) CHECK(status == DCE_OK || status == DCE_ERROR_ENGINE);
        CHECK((*dce_error_message(handle) != '\0') == (status != DCE_OK));
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FuzzInput input(data, size);
    dce_options options = take_options(&input);
    dce_engine engine = {sizeof engine, &input, 3, 12, run_engine, nullptr};
    if (input.between(0, 3) == 3) options.engine = &engine;
    dce_enhancer *handle;
    const dce_status status = dce_open(&options, &handle);
    CHECK_EQUAL(status, is_valid(options) ? DCE_OK : DCE_ERROR_INVALID_ARGUMENT);
    if (status == DCE_OK) run(handle, &input);
    dce_close(handle);
    return 0;
}
