/* YUV and 16-bit images: every layout gives the same samples, with any number of threads, in place, within its memory; and
 * every refusal. The values themselves are held against NumPy by tests/runtime/test_formats.py. */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "dcelite.h"
#include "formats.h"

enum { MOST = 160 }; /* pixels each way */

/* Codes of an image, of 8 or 10 bits, in the plainest order. */
typedef struct samples {
    int width, height, bits;
    uint16_t y[MOST * MOST], u[MOST * MOST / 4], v[MOST * MOST / 4];
} samples;

/* An image whose planes end where the next page cannot be touched. */
typedef struct frame {
    dce_image image;
    void *memory[3];
    size_t size[3];
} frame;

static uint8_t *guarded(frame *f, int plane, size_t size) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (size + page - 1) / page * page;
    uint8_t *start = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(start != MAP_FAILED);
    CHECK_EQUAL(mprotect(start + room, page, PROT_NONE), 0);
    memset(start, 0xAB, room);
    f->memory[plane] = start;
    f->size[plane] = room + page;
    return start + room - size;
}

static void release(frame *f) {
    for (int i = 0; i < 3; ++i)
        if (f->memory[i]) munmap(f->memory[i], f->size[i]);
}

static int half(int size) { return (size + 1) / 2; }

/* Planes with `padding` samples between the rows; as few bytes as the format needs. `step` is that of I420; with `interwoven`
 * U and V take turns in one buffer. */
static frame make_frame(int format, int width, int height, int step, bool interwoven, int padding) {
    frame f;
    memset(&f, 0, sizeof f);
    f.image.format = format;
    f.image.width = width;
    f.image.height = height;
    f.image.matrix = DCE_BT709_LIMITED;
    f.image.chroma_step = format == DCE_I420 ? step : 0;
    const int bytes = kFacts[format].value_bytes;
    f.image.stride[0] = (width + padding) * bytes;
    f.image.plane[0] = guarded(&f, 0, (size_t)((height - 1) * (width + padding) + width) * (size_t)bytes);
    const int row = kFacts[format].planes == 3 ? (half(width) - 1) * step + 1 + interwoven : 2 * half(width);
    const size_t size = (size_t)((half(height) - 1) * (row + padding) + row) * (size_t)bytes;
    f.image.stride[1] = f.image.stride[2] = (row + padding) * bytes;
    f.image.plane[1] = guarded(&f, 1, size);
    if (kFacts[format].planes == 3) f.image.plane[2] = interwoven ? (uint8_t *)f.image.plane[1] + 1 : guarded(&f, 2, size);
    return f;
}

static uint8_t *sample(const frame *f, int channel, int x, int y) {
    const dce_image *image = &f->image;
    const bool first = (channel == 1) == (image->format != DCE_NV21);
    const int bytes = kFacts[image->format].value_bytes, step = image->chroma_step ? image->chroma_step : 1;
    if (channel == 0) return (uint8_t *)image->plane[0] + y * image->stride[0] + x * bytes;
    if (kFacts[image->format].planes == 3)
        return (uint8_t *)image->plane[channel] + y * image->stride[channel] + x * step * bytes;
    return (uint8_t *)image->plane[1] + y * image->stride[1] + (2 * x + !first) * bytes;
}

/* Codes of P010 stand in the high bits, above others that count for nothing. */
static void write_code(const frame *f, uint8_t *here, uint16_t code) {
    if (kFacts[f->image.format].value_bytes == 1) {
        *here = (uint8_t)code;
        return;
    }
    *(uint16_t *)(void *)here = f->image.format == DCE_P010 ? (uint16_t)(code << 6 | (code * 7 & 63)) : code;
}

static uint16_t read_code(const frame *f, const uint8_t *here) {
    if (kFacts[f->image.format].value_bytes == 1) return *here;
    const uint16_t word = *(const uint16_t *)(const void *)here;
    if (f->image.format != DCE_P010) return word;
    CHECK_EQUAL(word & 63, 0);
    return word >> 6;
}

static void copy(samples *s, frame *f, bool to_frame) {
    uint16_t *values[] = {s->y, s->u, s->v};
    for (int channel = 0; channel < 3; ++channel) {
        const int width = channel ? half(s->width) : s->width, height = channel ? half(s->height) : s->height;
        for (int y = 0; y < height; ++y)
            for (int x = 0; x < width; ++x) {
                uint16_t *there = values[channel] + y * width + x;
                if (to_frame)
                    write_code(f, sample(f, channel, x, y), *there);
                else
                    *there = read_code(f, sample(f, channel, x, y));
            }
    }
}

static dce_enhancer *open_with(int threads, int scale) {
    dce_options options;
    dce_enhancer *handle;
    dce_options_init(&options);
    options.threads = threads;
    options.scale = scale;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_OK);
    return handle;
}

static void fill(uint8_t *values, size_t count, unsigned seed) {
    for (size_t i = 0; i < count; ++i) values[i] = (uint8_t)(random_u32(&seed) >> 25);
}

static samples make_samples(int width, int height, int bits) {
    samples s;
    memset(&s, 0, sizeof s);
    s.width = width;
    s.height = height;
    s.bits = bits;
    unsigned seed = 1 + (unsigned)width * 256 + (unsigned)height;
    for (int i = 0; i < MOST * MOST; ++i) s.y[i] = (uint16_t)(random_u32(&seed) >> (33 - bits)); /* dark */
    const int middle = 1 << (bits - 1);
    for (int i = 0; i < MOST * MOST / 4; ++i) {
        s.u[i] = (uint16_t)(middle + (int)(random_u32(&seed) >> (34 - bits)) - middle / 4);
        s.v[i] = (uint16_t)(middle + (int)(random_u32(&seed) >> (34 - bits)) - middle / 4);
    }
    return s;
}

static const struct {
    int format, step;
    bool interwoven;
    int padding;
} kLayouts[] = {{DCE_I420, 1, false, 0}, {DCE_NV12, 2, false, 0}, {DCE_NV21, 2, false, 5},
                {DCE_I420, 2, true, 0},  {DCE_I420, 2, false, 3}, {DCE_I420, 5, false, 1},
                {DCE_I010, 1, false, 0}, {DCE_P010, 2, false, 0}, {DCE_P010, 2, false, 3},
                {DCE_I010, 1, false, 1}};
enum { LAYOUTS = sizeof kLayouts / sizeof *kLayouts, FIRST_OF_10_BITS = 6 };

static frame make_layout(int i, int width, int height) {
    return make_frame(kLayouts[i].format, width, height, kLayouts[i].step, kLayouts[i].interwoven, kLayouts[i].padding);
}

/* Bytes that are no samples, between rows and between the samples of a row, stay as they are. */
static void check_untouched(samples *s, frame *f) {
    for (int channel = 0; channel < 3; ++channel)
        for (int y = 0; y < (channel ? half(s->height) : s->height); ++y)
            for (int x = 0; x < (channel ? half(s->width) : s->width); ++x)
                memset(sample(f, channel, x, y), 0xAB, (size_t)kFacts[f->image.format].value_bytes);
    for (int i = 0; i < 3; ++i) {
        const size_t page = (size_t)sysconf(_SC_PAGESIZE);
        for (size_t k = 0; f->memory[i] && k < f->size[i] - page; ++k) CHECK_EQUAL(((uint8_t *)f->memory[i])[k], 0xAB);
    }
}

/* `from` to `to`, as the first layout from a single thread gave it; in place where the layouts are the same. */
static void test_pair(dce_enhancer *handle, samples *input, const samples *wanted, int from, int to) {
    samples result = *input;
    frame source = make_layout(from, input->width, input->height);
    frame destination = make_layout(to, input->width, input->height);
    copy(input, &source, true);
    CHECK_EQUAL(dce_enhance(handle, &source.image, &destination.image), DCE_OK);
    copy(&result, &destination, false);
    CHECK(memcmp(&result, wanted, sizeof result) == 0);
    check_untouched(&result, &destination);
    if (from == to) {
        CHECK_EQUAL(dce_enhance(handle, &source.image, &source.image), DCE_OK);
        copy(&result, &source, false);
        CHECK(memcmp(&result, wanted, sizeof result) == 0);
    }
    release(&source);
    release(&destination);
}

static void test_layouts_and_threads(int width, int height, int scale, int bits) {
    samples input = make_samples(width, height, bits), wanted = input;
    const int begin = bits == 8 ? 0 : FIRST_OF_10_BITS, end = bits == 8 ? FIRST_OF_10_BITS : LAYOUTS;
    for (int threads = 1; threads <= 7; threads += 2) {
        dce_enhancer *handle = open_with(threads, scale);
        if (threads == 1) {
            frame source = make_layout(begin, width, height), destination = make_layout(begin, width, height);
            copy(&input, &source, true);
            CHECK_EQUAL(dce_enhance(handle, &source.image, &destination.image), DCE_OK);
            copy(&wanted, &destination, false);
            CHECK(width * height < 100 || memcmp(&wanted, &input, sizeof wanted) != 0);
            release(&source);
            release(&destination);
        }
        for (int from = begin; from < end; ++from)
            for (int to = begin; to < end; ++to)
                if (threads == 7 || from == to) test_pair(handle, &input, &wanted, from, to);
        dce_close(handle);
    }
}

/* For display: every layout and every order of the channels, one picture of so many bits. */
static void test_display(int width, int height, int bits) {
    static const int bytes[] = {3, 3, 4, 4}, red[] = {0, 2, 0, 2};
    samples input = make_samples(width, height, bits);
    const int begin = bits == 8 ? 0 : FIRST_OF_10_BITS, end = bits == 8 ? FIRST_OF_10_BITS : LAYOUTS;
    dce_enhancer *handle = open_with(3, 7);
    static uint8_t wanted[MOST * MOST * 3];
    for (int from = begin; from < end; ++from)
        for (int to = DCE_RGB8; to <= DCE_BGRA8; ++to) {
            frame source = make_layout(from, width, height), destination;
            memset(&destination, 0, sizeof destination);
            copy(&input, &source, true);
            const size_t size = (size_t)(width * height * bytes[to]);
            destination.image.format = to;
            destination.image.width = width;
            destination.image.height = height;
            destination.image.stride[0] = width * bytes[to];
            uint8_t *pixels = destination.image.plane[0] = guarded(&destination, 0, size);
            CHECK_EQUAL(dce_enhance(handle, &source.image, &destination.image), DCE_OK);
            if (from == begin && to == DCE_RGB8) memcpy(wanted, pixels, size);
            for (int i = 0; i < width * height; ++i) {
                const uint8_t *p = pixels + i * bytes[to];
                CHECK_EQUAL(p[red[to]], wanted[3 * i]);
                CHECK_EQUAL(p[1], wanted[3 * i + 1]);
                CHECK_EQUAL(p[2 - red[to]], wanted[3 * i + 2]);
                if (bytes[to] == 4) CHECK_EQUAL(p[3], 255);
            }
            release(&source);
            release(&destination);
        }
    dce_close(handle);
}

static void test_16_bit(int format, int width, int height) {
    const int pixel = kFacts[format].pixel_bytes;
    const size_t size = (size_t)(width * height * pixel);
    frame source, destination;
    memset(&source, 0, sizeof source);
    memset(&destination, 0, sizeof destination);
    source.image = destination.image = (dce_image){
        .format = format, .width = width, .height = height, .stride = {width * pixel}};
    source.image.plane[0] = guarded(&source, 0, size);
    destination.image.plane[0] = guarded(&destination, 0, size);
    static uint8_t input[MOST * MOST * 8];
    fill(input, size, 11);
    memcpy(source.image.plane[0], input, size);
    dce_enhancer *single = open_with(1, 5), *several = open_with(5, 5);
    CHECK_EQUAL(dce_enhance(single, &source.image, &destination.image), DCE_OK);
    CHECK(memcmp(source.image.plane[0], input, size) == 0);
    CHECK_EQUAL(dce_enhance(several, &source.image, &source.image), DCE_OK);
    CHECK(memcmp(source.image.plane[0], destination.image.plane[0], size) == 0);
    CHECK(memcmp(source.image.plane[0], input, size) != 0);
    dce_close(single);
    dce_close(several);
    release(&source);
    release(&destination);
}

/* A map that is no map: results are bytes all the same. */
static int broken_map(void *context, const float *image, int32_t height, int32_t width, float *map, char *message,
                      size_t message_size) {
    (void)context, (void)image, (void)message, (void)message_size;
    const float values[] = {0.0f / 0.0f, 1e30f, -1e30f, 1.0f / 0.0f, -1.0f / 0.0f, 3.0f};
    for (int i = 0; i < 3 * height * width; ++i) map[i] = values[i % 6];
    return 0;
}

static void test_broken_map(void) {
    dce_engine engine = {sizeof engine, NULL, 3, 2, broken_map, NULL};
    dce_options options;
    dce_enhancer *handle;
    dce_options_init(&options);
    options.engine = &engine;
    options.smoothing = 0.5f;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_OK);
    frame frames[2];
    for (int k = 0; k < 2; ++k) {
        samples input = make_samples(61, 31, k ? 10 : 8);
        frames[k] = make_layout(k ? FIRST_OF_10_BITS + 1 : 0, 61, 31);
        copy(&input, &frames[k], true);
        for (int i = 0; i < 4; ++i) CHECK_EQUAL(dce_enhance(handle, &frames[k].image, &frames[k].image), DCE_OK);
        copy(&input, &frames[k], false);
    }
    static uint16_t pixels[50 * 50 * 3];
    dce_image image = {.format = DCE_RGB16, .width = 50, .height = 50, .plane = {pixels}, .stride = {300}};
    for (int i = 0; i < 4; ++i) CHECK_EQUAL(dce_enhance(handle, &image, &image), DCE_OK);
    dce_close(handle);
    for (int k = 0; k < 2; ++k) release(&frames[k]);
}

static void refuse(dce_enhancer *handle, dce_image source, dce_image destination, const char *text) {
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_ERROR_INVALID_ARGUMENT);
    if (!strstr(dce_error_message(handle), text)) {
        fprintf(stderr, "message %s lacks %s\n", dce_error_message(handle), text);
        exit(1);
    }
}

static void test_refused(void) {
    static _Alignas(2) uint8_t a[4096], b[4096];
    dce_enhancer *handle = open_with(1, 0);
    const dce_image i420 = {
        .format = DCE_I420, .width = 9, .height = 7, .plane = {a, a + 100, a + 200}, .stride = {9, 5, 5}};
    const dce_image nv12 = {.format = DCE_NV12, .width = 9, .height = 7, .plane = {b, b + 100}, .stride = {9, 10}};
    const dce_image rgb16 = {.format = DCE_RGB16, .width = 9, .height = 7, .plane = {b}, .stride = {54}};
    const dce_image rgb8 = {.format = DCE_RGB8, .width = 9, .height = 7, .plane = {b}, .stride = {27}};
    CHECK_EQUAL(dce_enhance(handle, &i420, &nv12), DCE_OK);
    dce_image bad = i420;
    bad.plane[1] = NULL;
    refuse(handle, bad, nv12, "source: plane[1] is null, I420 has 3");
    bad = i420;
    bad.plane[2] = NULL;
    refuse(handle, nv12, bad, "destination: plane[2] is null");
    bad = nv12;
    bad.plane[1] = NULL;
    refuse(handle, i420, bad, "destination: plane[1] is null, NV12 has 2");
    bad = i420;
    bad.stride[0] = 8;
    refuse(handle, bad, nv12, "plane[0]: stride 8 bytes, at least 9");
    bad = i420;
    bad.stride[2] = -4;
    refuse(handle, bad, nv12, "plane[2]: stride -4 bytes, at least 5");
    bad = nv12;
    bad.stride[1] = 9;
    refuse(handle, bad, i420, "plane[1]: stride 9 bytes, at least 10");
    bad = i420;
    bad.chroma_step = 2;
    refuse(handle, bad, nv12, "plane[1]: stride 5 bytes, at least 9");
    bad.chroma_step = 17;
    refuse(handle, bad, nv12, "chroma_step 17, 0 to 16");
    bad.chroma_step = -1;
    refuse(handle, bad, nv12, "chroma_step -1");
    bad = i420;
    bad.matrix = 6;
    refuse(handle, bad, nv12, "source: matrix 6, 0 to 5");
    bad.matrix = -1;
    refuse(handle, bad, nv12, "source: matrix -1");
    bad.matrix = DCE_BT709_FULL;
    refuse(handle, bad, nv12, "destination: matrix 0, that of the source, 3");
    CHECK_EQUAL(dce_enhance(handle, &bad, &rgb8), DCE_OK);
    refuse(handle, rgb8, i420, "destination: format I420, RGB8, BGR8, RGBA8 or BGRA8 was wanted for a source of RGB8");
    refuse(handle, rgb16, i420, "destination: format I420, RGB16 or RGBA16 was wanted for a source of RGB16");
    refuse(handle, i420, rgb16, "format RGB16, NV12, NV21, I420, RGB8, BGR8, RGBA8 or BGRA8 was wanted for a source of I420");
    bad = rgb8;
    bad.plane[0] = a;
    refuse(handle, bad, rgb16, "format RGB16");
    bad = rgb16;
    bad.plane[0] = a;
    refuse(handle, bad, rgb8, "destination: format RGB8, RGB16 or RGBA16 was wanted");
    bad.plane[0] = a + 1;
    refuse(handle, bad, rgb16, "even ones were wanted");
    bad.plane[0] = a;
    bad.stride[0] = 55;
    refuse(handle, bad, rgb16, "stride of 55 bytes, even ones were wanted");
    bad.stride[0] = 52;
    refuse(handle, bad, rgb16, "stride 52 bytes, at least 54");
    const dce_image p010 = {.format = DCE_P010, .width = 9, .height = 7, .plane = {a, a + 200}, .stride = {18, 20}};
    const dce_image i010 = {
        .format = DCE_I010, .width = 9, .height = 7, .plane = {b, b + 200, b + 300}, .stride = {18, 10, 10}};
    CHECK_EQUAL(dce_enhance(handle, &p010, &i010), DCE_OK);
    CHECK_EQUAL(dce_enhance(handle, &p010, &rgb8), DCE_OK);
    refuse(handle, p010, nv12,
           "destination: format NV12, P010, I010, RGB8, BGR8, RGBA8 or BGRA8 was wanted for a source of P010");
    refuse(handle, p010, rgb16, "destination: format RGB16, P010, I010, RGB8");
    bad = i420;
    refuse(handle, bad, i010, "destination: format I010, NV12, NV21, I420");
    bad = i010;
    bad.plane[2] = NULL;
    refuse(handle, p010, bad, "destination: plane[2] is null, I010 has 3");
    bad = i010;
    bad.stride[1] = 8;
    refuse(handle, p010, bad, "plane[1]: stride 8 bytes, at least 10");
    bad.stride[1] = 11;
    refuse(handle, p010, bad, "destination: plane[1]: address ");
    refuse(handle, p010, bad, "with a stride of 11 bytes, even ones were wanted for I010");
    bad = p010;
    bad.plane[1] = a + 201;
    refuse(handle, bad, i010, "source: plane[1]: address ");
    bad = p010;
    bad.stride[0] = 16;
    refuse(handle, bad, i010, "plane[0]: stride 16 bytes, at least 18");
    bad.height = 1; /* where no stride counts */
    bad.stride[0] = bad.stride[1] = 1;
    dce_image flat = i010;
    flat.height = 1;
    CHECK_EQUAL(dce_enhance(handle, &bad, &flat), DCE_OK);
    bad = p010;
    bad.matrix = DCE_BT2020_FULL;
    refuse(handle, bad, i010, "destination: matrix 0, that of the source, 5");
    const dce_image rgba16 = {.format = DCE_RGBA16, .width = 9, .height = 7, .plane = {b}, .stride = {72}};
    bad = rgb16;
    bad.plane[0] = a;
    CHECK_EQUAL(dce_enhance(handle, &bad, &rgba16), DCE_OK);
    for (int i = 0; i < 7 * 9; ++i) CHECK_EQUAL(((uint16_t *)(void *)b)[4 * i + 3], 65535);
    bad.plane[0] = b;
    refuse(handle, bad, rgba16, "in place");
    bad = nv12; /* in place, but only in part */
    bad.plane[1] = a + 100;
    refuse(handle, nv12, bad, "in place");
    bad = nv12;
    bad.format = DCE_NV21;
    refuse(handle, nv12, bad, "in place");
    bad = rgb8;
    refuse(handle, nv12, bad, "in place");
    bad = i420;
    bad.stride[1] = bad.stride[2] = 9;
    dce_image step = bad;
    step.chroma_step = 2;
    refuse(handle, bad, step, "in place");
    dce_close(handle);
}

int main(void) {
    static const int sizes[][3] = {{1, 1, 12}, {2, 2, 12},  {1, 9, 3},    {9, 1, 3},
                                   {3, 5, 1},  {33, 37, 1}, {70, 151, 2}, {159, 150, 12}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i)
        for (int bits = 8; bits <= 10; bits += 2)
            test_layouts_and_threads(sizes[i][0], sizes[i][1], sizes[i][2], bits);
    for (int width = 1; width <= 70; width += 3)
        for (int bits = 8; bits <= 10; bits += 2) test_display(width, 1 + width % 23, bits);
    for (int i = 0; i < 2; ++i) {
        const int format = i ? DCE_RGBA16 : DCE_RGB16;
        test_16_bit(format, 1, 1);
        test_16_bit(format, 37, 159);
        test_16_bit(format, 160, 101);
    }
    test_broken_map();
    test_refused();
    return 0;
}
