/* The C ABI as a program in C sees it: results, formats, strides, in place, page edges, engines, and every refusal. */
#define _GNU_SOURCE
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "dcelite.h"

static const int kBytes[] = {3, 3, 4, 4};                                      /* a pixel, by dce_format */
static const int kRed[] = {0, 2, 0, 2}, kGreen[] = {1, 1, 1, 1}, kBlue[] = {2, 0, 2, 0};

static dce_enhancer *open_with(int threads, int scale, float strength) {
    dce_options options;
    dce_enhancer *handle;
    dce_options_init(&options);
    options.threads = threads;
    options.scale = scale;
    options.strength = strength;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_OK);
    return handle;
}

static void fill(uint8_t *pixels, size_t size, unsigned seed) {
    for (size_t i = 0; i < size; ++i) pixels[i] = (uint8_t)(random_u32(&seed) >> 24);
}

static dce_image image_of(int format, int width, int height, void *pixels) {
    dce_image image;
    memset(&image, 0, sizeof image);
    image.format = format;
    image.width = width;
    image.height = height;
    image.plane[0] = pixels;
    image.stride[0] = (ptrdiff_t)width * kBytes[format];
    return image;
}

/* Steps 4 and 5 of the definition in double precision, from the library's own curve map: the map is interpolated with
 * aligned corners, the curve applied eight times. */
static double map_at(const float *map, int low_w, int low_h, int w, int h, int x, int y, int c) {
    const double sy = h > 1 ? y * ((double)(low_h - 1) / (h - 1)) : 0, sx = w > 1 ? x * ((double)(low_w - 1) / (w - 1)) : 0;
    const int y0 = (int)sy, x0 = (int)sx, y1 = y0 + 1 < low_h ? y0 + 1 : y0, x1 = x0 + 1 < low_w ? x0 + 1 : x0;
    const double top = map[(y0 * low_w + x0) * 3 + c] * (1 - (sx - x0)) + map[(y0 * low_w + x1) * 3 + c] * (sx - x0);
    const double low = map[(y1 * low_w + x0) * 3 + c] * (1 - (sx - x0)) + map[(y1 * low_w + x1) * 3 + c] * (sx - x0);
    return top * (1 - (sy - y0)) + low * (sy - y0);
}

static void test_curve_of_map(int width, int height) {
    dce_enhancer *handle = open_with(2, 0, 1.0f);
    const size_t size = (size_t)width * height * 3;
    uint8_t *pixels = malloc(size), *result = malloc(size);
    fill(pixels, size, 1 + width * 131 + height);
    dce_image source = image_of(DCE_RGB8, width, height, pixels), destination = image_of(DCE_RGB8, width, height, result);
    int32_t low_w, low_h, channels;
    CHECK_EQUAL(dce_curve_map_size(handle, width, height, &low_w, &low_h, &channels), DCE_OK);
    CHECK_EQUAL(low_w, (width + 11) / 12);
    CHECK_EQUAL(low_h, (height + 11) / 12);
    CHECK_EQUAL(channels, 3);
    const size_t floats = (size_t)low_w * low_h * 3;
    float *map = malloc(floats * sizeof *map);
    CHECK_EQUAL(dce_curve_map(handle, &source, map, floats), DCE_OK);
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);

    size_t different = 0;
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < 3; ++c) {
                const size_t i = ((size_t)y * width + x) * 3 + c;
                const double a = map_at(map, low_w, low_h, width, height, x, y, c);
                double v = pixels[i] / 255.0;
                for (int n = 0; n < DCE_ITERATIONS; ++n) v += a * (v * v - v);
                const int wanted = (int)floor(255.0 * v + 0.5);
                CHECK(abs(wanted - result[i]) <= 1);
                different += wanted != result[i];
            }
    CHECK(different <= size / 1000);
    free(map);
    free(pixels);
    free(result);
    dce_close(handle);
}

/* Every pair of formats gives the pixels of RGB -> RGB; alpha is copied, or 255 where there was none. */
static void test_formats(void) {
    enum { W = 61, H = 47, N = W * H };
    static uint8_t rgb[N * 3], wanted[N * 3], pixels[N * 4], result[N * 4];
    dce_enhancer *handle = open_with(3, 0, 1.0f);
    fill(rgb, sizeof rgb, 7);
    dce_image source = image_of(DCE_RGB8, W, H, rgb), destination = image_of(DCE_RGB8, W, H, wanted);
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
    for (int from = DCE_RGB8; from <= DCE_BGRA8; ++from)
        for (int to = DCE_RGB8; to <= DCE_BGRA8; ++to)
            for (int in_place = 0; in_place <= (kBytes[from] == kBytes[to]); ++in_place) {
                for (int i = 0; i < N; ++i) {
                    uint8_t *p = pixels + i * kBytes[from];
                    p[kRed[from]] = rgb[3 * i], p[kGreen[from]] = rgb[3 * i + 1], p[kBlue[from]] = rgb[3 * i + 2];
                    if (kBytes[from] == 4) p[3] = (uint8_t)i;
                }
                uint8_t *out = in_place ? pixels : result;
                source = image_of(from, W, H, pixels);
                destination = image_of(to, W, H, out);
                CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
                for (int i = 0; i < N; ++i) {
                    const uint8_t *p = out + i * kBytes[to];
                    CHECK_EQUAL(p[kRed[to]], wanted[3 * i]);
                    CHECK_EQUAL(p[kGreen[to]], wanted[3 * i + 1]);
                    CHECK_EQUAL(p[kBlue[to]], wanted[3 * i + 2]);
                    if (kBytes[to] == 4) CHECK_EQUAL(p[3], kBytes[from] == 4 ? (uint8_t)i : 255);
                }
            }
    dce_close(handle);
}

/* Padded and upside-down rows; what lies between the rows stays untouched. */
static void test_strides(void) {
    enum { W = 40, H = 30, STRIDE = W * 3 + 13 };
    static uint8_t plain[W * H * 3], wanted[W * H * 3], padded[STRIDE * H];
    dce_enhancer *handle = open_with(2, 0, 1.0f);
    fill(plain, sizeof plain, 9);
    dce_image source = image_of(DCE_RGB8, W, H, plain), destination = image_of(DCE_RGB8, W, H, wanted);
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);

    memset(padded, 0xAB, sizeof padded);
    destination = image_of(DCE_RGB8, W, H, padded + STRIDE * (H - 1));
    destination.stride[0] = -STRIDE;
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
    for (int y = 0; y < H; ++y) {
        CHECK(memcmp(padded + STRIDE * (H - 1 - y), wanted + W * 3 * y, W * 3) == 0);
        for (int x = W * 3; x < STRIDE; ++x) CHECK_EQUAL(padded[STRIDE * (H - 1 - y) + x], 0xAB);
    }
    dce_close(handle);
}

/* A buffer that ends where the next page cannot be touched: a read or write past the last pixel crashes. */
static uint8_t *guarded(size_t size) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (size + page - 1) / page * page;
    uint8_t *start = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(start != MAP_FAILED);
    CHECK_EQUAL(mprotect(start + room, page, PROT_NONE), 0);
    return start + room - size;
}

static void test_page_edges(void) {
    for (int width = 1; width <= 70; ++width) {
        const int height = 1 + width % 29;
        const size_t size = (size_t)width * height * 3;
        dce_enhancer *handle = open_with(1, 1 + width % 13, 1.0f);
        dce_image source = image_of(DCE_RGB8, width, height, guarded(size));
        dce_image destination = image_of(DCE_RGB8, width, height, guarded(size));
        fill(source.plane[0], size, width);
        CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
        dce_close(handle);
    }
}

/* One handle, sizes up and down: memory that is kept from frame to frame must not show in the result. */
static void test_changing_sizes(void) {
    static uint8_t pixels[200 * 200 * 3], reused[200 * 200 * 3], fresh[200 * 200 * 3];
    static const int sizes[][2] = {{200, 150}, {1, 1}, {13, 199}, {200, 3}, {24, 24}, {199, 200}};
    dce_enhancer *kept = open_with(3, 0, 1.0f);
    fill(pixels, sizeof pixels, 21);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        const int w = sizes[i][0], h = sizes[i][1];
        dce_enhancer *handle = open_with(1, 0, 1.0f);
        dce_image source = image_of(DCE_RGB8, w, h, pixels);
        dce_image a = image_of(DCE_RGB8, w, h, reused), b = image_of(DCE_RGB8, w, h, fresh);
        CHECK_EQUAL(dce_enhance(kept, &source, &a), DCE_OK);
        CHECK_EQUAL(dce_enhance(handle, &source, &b), DCE_OK);
        CHECK(memcmp(reused, fresh, (size_t)w * h * 3) == 0);
        dce_close(handle);
    }
    dce_close(kept);
}

static void test_strength(void) {
    enum { W = 50, H = 37 };
    static uint8_t pixels[W * H * 3], result[W * H * 3];
    fill(pixels, sizeof pixels, 5);
    dce_image source = image_of(DCE_RGB8, W, H, pixels), destination = image_of(DCE_RGB8, W, H, result);
    dce_enhancer *handle = open_with(1, 0, 0.0f);
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
    CHECK(memcmp(pixels, result, sizeof pixels) == 0);
    dce_close(handle);
}

/* An engine of the caller: gets red, green, blue planes in 0 … 1, and its map is what is applied. */
static int g_destroyed;

static int constant_map(void *context, const float *image, int32_t height, int32_t width, float *map, char *message,
                        size_t message_size) {
    (void)message, (void)message_size;
    const size_t area = (size_t)height * width;
    for (size_t i = 0; i < 3 * area; ++i) map[i] = *(const float *)context;
    CHECK(fabsf(image[0] - 10 / 255.0f) < 1e-6f);
    CHECK(fabsf(image[area] - 20 / 255.0f) < 1e-6f);
    CHECK(fabsf(image[2 * area] - 30 / 255.0f) < 1e-6f);
    return 0;
}

static int failing(void *context, const float *image, int32_t height, int32_t width, float *map, char *message,
                   size_t message_size) {
    (void)context, (void)image, (void)height, (void)width, (void)map;
    snprintf(message, message_size, "no more electricity");
    return 1;
}

static void count_destroy(void *context) {
    (void)context;
    ++g_destroyed;
}

static void test_engine(void) {
    enum { W = 30, H = 26 };
    static uint8_t pixels[W * H * 3], result[W * H * 3];
    for (int i = 0; i < W * H; ++i) pixels[3 * i] = 10, pixels[3 * i + 1] = 20, pixels[3 * i + 2] = 30;
    float a = -0.5f;
    dce_engine engine = {sizeof engine, &a, 3, 6, constant_map, count_destroy};
    dce_options options;
    dce_enhancer *handle;
    dce_options_init(&options);
    options.engine = &engine;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_OK);
    dce_model_info info = {.size = sizeof info};
    CHECK_EQUAL(dce_get_model_info(handle, &info), DCE_OK);
    CHECK_EQUAL(info.architecture, DCE_ARCHITECTURE_ENGINE);
    CHECK_EQUAL(info.scale, 6);
    dce_image source = image_of(DCE_RGB8, W, H, pixels), destination = image_of(DCE_RGB8, W, H, result);
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
    for (int c = 0; c < 3; ++c) {
        double v = pixels[c] / 255.0;
        for (int n = 0; n < DCE_ITERATIONS; ++n) v += a * (v * v - v);
        for (int i = 0; i < W * H; ++i) CHECK_EQUAL(result[3 * i + c], (int)floor(255 * v + 0.5));
    }
    a = NAN; /* whatever an engine writes, the library stays in its bounds */
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_OK);
    dce_close(handle);
    CHECK_EQUAL(g_destroyed, 1);

    engine.run = failing;
    engine.destroy = NULL;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_OK);
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_ERROR_ENGINE);
    CHECK(strstr(dce_error_message(handle), "no more electricity"));
    dce_close(handle);

    engine.map_channels = 5;
    CHECK_EQUAL(dce_open(&options, &handle), DCE_ERROR_INVALID_ARGUMENT);
    CHECK(strstr(dce_error_message(handle), "5 map channels"));
    dce_close(handle);
}

/* A program compiled against a shorter dce_options: nothing behind it is touched, and it opens. */
static void test_older_options(void) {
    const size_t older = offsetof(dce_options, strength) + sizeof(float);
    _Alignas(dce_options) unsigned char memory[sizeof(dce_options)];
    memset(memory, 0xAB, sizeof memory);
    dce_options_init_size((dce_options *)memory, older);
    for (size_t i = older; i < sizeof memory; ++i) CHECK_EQUAL(memory[i], 0xAB);
    dce_enhancer *handle;
    CHECK_EQUAL(dce_open((const dce_options *)memory, &handle), DCE_OK);
    dce_close(handle);
}

static void refuse_open(dce_options options, dce_status status, const char *text) {
    dce_enhancer *handle;
    CHECK_EQUAL(dce_open(&options, &handle), status);
    CHECK(handle);
    if (!strstr(dce_error_message(handle), text)) {
        fprintf(stderr, "message %s lacks %s\n", dce_error_message(handle), text);
        exit(1);
    }
    dce_image image = image_of(DCE_RGB8, 1, 1, "abc");
    CHECK_EQUAL(dce_enhance(handle, &image, &image), DCE_ERROR_INVALID_ARGUMENT);
    dce_close(handle);
}

static void test_refused_options(void) {
    dce_options options;
    dce_options_init(&options);
    options.threads = 65;
    refuse_open(options, DCE_ERROR_INVALID_ARGUMENT, "threads: 65");
    dce_options_init(&options);
    options.scale = -1;
    refuse_open(options, DCE_ERROR_INVALID_ARGUMENT, "scale: -1");
    dce_options_init(&options);
    options.strength = 1.5f;
    refuse_open(options, DCE_ERROR_INVALID_ARGUMENT, "strength: 1.5");
    options.strength = NAN;
    refuse_open(options, DCE_ERROR_INVALID_ARGUMENT, "strength: nan");
    dce_options_init(&options);
    options.size = 4;
    refuse_open(options, DCE_ERROR_INVALID_ARGUMENT, "size 4");
    dce_options_init(&options);
    options.model_path = "/nowhere/model.dce";
    refuse_open(options, DCE_ERROR_FILE, "/nowhere/model.dce");
    options.model_path = "/";
    refuse_open(options, DCE_ERROR_FILE, "/: cannot be");
    dce_options_init(&options);
    options.model_data = "short";
    options.model_data_size = 5;
    refuse_open(options, DCE_ERROR_MODEL, "5 bytes");
    options.model_path = "both.dce";
    refuse_open(options, DCE_ERROR_INVALID_ARGUMENT, "more than one");
    CHECK_EQUAL(dce_open(NULL, NULL), DCE_ERROR_INVALID_ARGUMENT);
}

static void refuse_image(dce_enhancer *handle, dce_image source, dce_image destination, const char *text) {
    CHECK_EQUAL(dce_enhance(handle, &source, &destination), DCE_ERROR_INVALID_ARGUMENT);
    if (!strstr(dce_error_message(handle), text)) {
        fprintf(stderr, "message %s lacks %s\n", dce_error_message(handle), text);
        exit(1);
    }
}

static void test_refused_images(void) {
    static uint8_t a[64 * 4], b[64 * 4];
    dce_enhancer *handle = open_with(1, 0, 1.0f);
    const dce_image good = image_of(DCE_RGB8, 8, 8, a), other = image_of(DCE_RGB8, 8, 8, b);
    dce_image bad = good;
    bad.format = 99;
    refuse_image(handle, bad, other, "source: format 99");
    bad.format = -1;
    refuse_image(handle, good, bad, "destination: format -1");
    bad = good;
    bad.width = 0;
    refuse_image(handle, bad, other, "source: size 0 x 8");
    bad.width = 65536;
    refuse_image(handle, bad, other, "65536 x 8");
    bad.width = 4;
    refuse_image(handle, bad, other, "destination: size 8 x 8, that of the source, 4 x 8");
    bad = good;
    bad.plane[0] = NULL;
    refuse_image(handle, bad, other, "plane[0] is null");
    bad = good;
    bad.stride[0] = 23;
    refuse_image(handle, bad, other, "stride 23 bytes, at least 24");
    bad.stride[0] = -23;
    refuse_image(handle, good, bad, "stride -23");
    bad.stride[0] = PTRDIFF_MIN + 1;
    bad.height = 0;
    refuse_image(handle, bad, other, "size 8 x 0");
    bad = image_of(DCE_RGBA8, 8, 8, a);
    refuse_image(handle, good, bad, "in place");
    CHECK_EQUAL(dce_enhance(handle, NULL, &other), DCE_ERROR_INVALID_ARGUMENT);
    CHECK_EQUAL(dce_enhance(NULL, &good, &other), DCE_ERROR_INVALID_ARGUMENT);
    float map[3];
    CHECK_EQUAL(dce_curve_map(handle, &good, map, 2), DCE_ERROR_INVALID_ARGUMENT);
    CHECK(strstr(dce_error_message(handle), "3 were wanted"));
    CHECK_EQUAL(dce_curve_map(handle, &good, map, 3), DCE_OK);
    CHECK_EQUAL(dce_error_message(handle)[0], 0);
    dce_close(handle);
    dce_close(NULL);
}

int main(void) {
    CHECK_EQUAL(dce_abi_version(), DCE_ABI_VERSION);
    static const int sizes[][2] = {{1, 1}, {1, 97}, {97, 1}, {11, 11}, {12, 12}, {13, 25}, {101, 83}, {240, 180}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) test_curve_of_map(sizes[i][0], sizes[i][1]);
    test_formats();
    test_strides();
    test_page_edges();
    test_changing_sizes();
    test_strength();
    test_engine();
    test_older_options();
    test_refused_options();
    test_refused_images();
    return 0;
}
