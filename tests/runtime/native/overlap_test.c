/* Planes that share bytes: random images in one block of memory, and a map of who owns which byte, made byte by byte. The
 * library refuses a destination that overlaps itself, or a source that is not the very same image, and nothing else; what it
 * accepts gives the picture that separate memory gives, and writes nowhere else. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "dcelite.h"
#include "formats.h"

enum { MOST = 11, ROOM = 1 << 14, TRIALS = 20000 };

static unsigned g_state = 77;

static int below(int end) { return (int)(random_u32(&g_state) % (unsigned)end); }
static int half(int size) { return (size + 1) / 2; }

static int planes_of(int format) { return kFacts[format].planes; }
static int rows_of(const dce_image *image, int plane) { return plane ? half(image->height) : image->height; }
static int step_of(const dce_image *image, int plane) {
    return plane && image->format == DCE_I420 && image->chroma_step ? image->chroma_step : 1;
}
static int bytes_of(const dce_image *image, int plane) {
    const format_facts facts = kFacts[image->format];
    return plane ? half(image->width) * facts.value_bytes * (facts.planes == 2 ? 2 : 1) : image->width * facts.pixel_bytes;
}
static int span_of(const dce_image *image, int plane) { return (bytes_of(image, plane) - 1) * step_of(image, plane) + 1; }

static uint8_t *byte_of(const dce_image *image, int plane, int row, int i) {
    return (uint8_t *)image->plane[plane] + row * image->stride[plane] + i * step_of(image, plane);
}

/* The samples of an image, one after the other. */
static size_t copy(const dce_image *image, uint8_t *samples, bool to_image) {
    size_t count = 0;
    for (int plane = 0; plane < planes_of(image->format); ++plane)
        for (int row = 0; row < rows_of(image, plane); ++row)
            for (int i = 0; i < bytes_of(image, plane); ++i, ++count)
                *(to_image ? byte_of(image, plane, row, i) : samples + count) =
                    *(to_image ? samples + count : byte_of(image, plane, row, i));
    return count;
}

/* Adds `mark` for every byte of a plane; returns whether one of them had one of `others`. */
static bool mark_plane(const dce_image *image, int plane, const uint8_t *memory, uint8_t *marks, uint8_t mark, uint8_t others) {
    bool met = false;
    for (int row = 0; row < rows_of(image, plane); ++row)
        for (int i = 0; i < bytes_of(image, plane); ++i) {
            uint8_t *here = marks + (byte_of(image, plane, row, i) - memory);
            met |= (*here & others) != 0;
            *here |= mark;
        }
    return met;
}

/* The plane near the middle of the block, and often near the others. */
static void place(dce_image *image, int plane, uint8_t *memory, ptrdiff_t stride) {
    const bool even = kFacts[image->format].value_bytes == 2;
    if (even) stride += stride % 2;
    image->stride[plane] = below(4) ? stride : -stride;
    const int offset = below(below(2) ? 120 : 4000);
    image->plane[plane] = memory + ROOM / 2 + (even ? offset / 2 * 2 : offset);
}

static void place_all(dce_image *image, uint8_t *memory, int common) {
    for (int plane = 0; plane < planes_of(image->format); ++plane)
        place(image, plane, memory, common > span_of(image, plane) ? common : span_of(image, plane) + below(3));
    if (image->format == DCE_I420 && below(2)) { /* U and V take turns, as a camera gives them */
        image->plane[2] = (uint8_t *)image->plane[1] + 1;
        image->stride[2] = image->stride[1];
    }
}

/* The same samples in memory of their own. */
static dce_image apart(const dce_image *image, uint8_t *memory) {
    dce_image tight = *image;
    for (int plane = 0; plane < planes_of(image->format); ++plane) {
        tight.plane[plane] = memory;
        tight.stride[plane] = span_of(image, plane) + span_of(image, plane) % 2;
        memory += tight.stride[plane] * rows_of(image, plane);
    }
    return tight;
}

static bool is_same_image(const dce_image *a, const dce_image *b) {
    const bool yuv = is_yuv(a->format) || is_yuv(b->format);
    if (yuv ? a->format != b->format : kFacts[a->format].pixel_bytes != kFacts[b->format].pixel_bytes) return false;
    for (int plane = 0; plane < planes_of(a->format); ++plane)
        if (a->plane[plane] != b->plane[plane] || a->stride[plane] != b->stride[plane]) return false;
    return step_of(a, 1) == step_of(b, 1);
}

/* A destination that has something to do with the source, but is not always right. */
static void relate(dce_image *destination, const dce_image *source, uint8_t *memory, int common) {
    const int planes = planes_of(destination->format) < planes_of(source->format) ? planes_of(destination->format)
                                                                                 : planes_of(source->format);
    const int even = kFacts[destination->format].value_bytes;
    place_all(destination, memory, common);
    const int kind = below(6);
    if (kind == 0) return;
    for (int plane = 0; plane < planes; ++plane) {
        destination->plane[plane] = source->plane[plane];
        if (source->stride[plane] <= -span_of(destination, plane) || source->stride[plane] >= span_of(destination, plane))
            destination->stride[plane] = source->stride[plane];
    }
    if (kind == 1) return;
    if (kind < 4) { /* one plane elsewhere, perhaps where another one is */
        const int moved = below(planes);
        destination->plane[moved] = (uint8_t *)destination->plane[kind == 2 ? moved : below(planes)] + even * (below(9) - 4);
    } else if (kind == 4 && planes == 3) {
        destination->plane[2] = (uint8_t *)destination->plane[1] + even * (below(3) - 1);
        destination->stride[2] = destination->stride[1];
    } else { /* beside the source, row by row */
        for (int plane = 0; plane < planes; ++plane)
            destination->plane[plane] = (uint8_t *)destination->plane[plane] + span_of(source, plane) - even * (below(4) == 0);
    }
}

static void test_random_images(void) {
    static uint8_t memory[ROOM], before[ROOM], marks[ROOM];
    static uint8_t source_memory[ROOM], destination_memory[ROOM], samples[ROOM], wanted[ROOM];
    dce_enhancer *handles[2];
    for (int i = 0; i < 2; ++i) {
        dce_options options;
        dce_options_init(&options);
        options.threads = 1 + 2 * i;
        options.scale = 2;
        CHECK_EQUAL(dce_open(&options, &handles[i]), DCE_OK);
    }
    int refused = 0, in_place = 0, interwoven = 0;
    for (int trial = 0; trial < TRIALS; ++trial) {
        const int format = below(FORMATS + 4); /* planes most of all */
        dce_image source = {
            .format = format < FORMATS ? format : DCE_I420, .width = 1 + below(MOST), .height = 1 + below(MOST)};
        source.chroma_step = below(4);
        dce_image destination = source;
        if (!is_yuv(source.format) || below(2))
            do destination.format = below(FORMATS);
            while (!goes_to(source.format, destination.format));
        if (below(4) == 0) destination.chroma_step = below(4);
        const int common = below(3) ? 0 : 20 + below(100); /* strides with room for two images beside each other */
        place_all(&source, memory, common);
        relate(&destination, &source, memory, common);

        memset(marks, 0, sizeof marks);
        const bool same = is_same_image(&source, &destination);
        bool overlap = false;
        for (int plane = 0; plane < planes_of(source.format); ++plane) mark_plane(&source, plane, memory, marks, 1, 0);
        for (int plane = 0; plane < planes_of(destination.format); ++plane) {
            const uint8_t own = (uint8_t)(2 << plane);
            overlap |= mark_plane(&destination, plane, memory, marks, own, (uint8_t)(14 - own + !same));
        }

        for (int i = 0; i < ROOM; ++i) memory[i] = (uint8_t)(random_u32(&g_state) >> 26);
        memcpy(before, memory, sizeof memory);
        dce_image source_apart = apart(&source, source_memory), destination_apart = apart(&destination, destination_memory);
        copy(&source, samples, false);
        copy(&source_apart, samples, true);
        dce_enhancer *handle = handles[trial % 2];
        const dce_status status = dce_enhance(handle, &source, &destination);
        if (status != (overlap ? DCE_ERROR_INVALID_ARGUMENT : DCE_OK)) {
            fprintf(stderr, "trial %d: status %d, %s; formats %d and %d, %d x %d\n", trial, status,
                    overlap ? "planes overlap" : "no planes overlap", source.format, destination.format, source.width,
                    source.height);
            exit(1);
        }
        if (overlap) {
            CHECK(strstr(dce_error_message(handle), " overlaps plane["));
            CHECK(memcmp(memory, before, sizeof memory) == 0);
            ++refused;
            continue;
        }
        in_place += same;
        interwoven += destination.format == DCE_I420 && destination.plane[2] == (uint8_t *)destination.plane[1] + 1;
        CHECK_EQUAL(dce_enhance(handle, &source_apart, &destination_apart), DCE_OK);
        const size_t count = copy(&destination_apart, wanted, false);
        CHECK_EQUAL(copy(&destination, samples, false), count);
        CHECK(memcmp(samples, wanted, count) == 0);
        for (int i = 0; i < ROOM; ++i) CHECK(marks[i] > 1 || memory[i] == before[i]);
    }
    /* Each kind of case was there, and often. */
    printf("of %d: %d refused, %d in place, %d with U and V interwoven\n", TRIALS, refused, in_place, interwoven);
    CHECK(refused > TRIALS / 4);
    CHECK(in_place > TRIALS / 20);
    CHECK(interwoven > TRIALS / 100);
    CHECK(TRIALS - refused - in_place > TRIALS / 20);
    for (int i = 0; i < 2; ++i) dce_close(handles[i]);
}

static void refuse(dce_enhancer *handle, const dce_image *source, const dce_image *destination, const char *sentence) {
    CHECK_EQUAL(dce_enhance(handle, source, destination), DCE_ERROR_INVALID_ARGUMENT);
    if (strcmp(dce_error_message(handle), sentence) != 0) {
        fprintf(stderr, "message '%s', '%s' was wanted\n", dce_error_message(handle), sentence);
        exit(1);
    }
}

static void test_sentences(void) {
    static uint8_t a[4096], b[4096];
    dce_enhancer *handle;
    CHECK_EQUAL(dce_open(NULL, &handle), DCE_OK);
    const dce_image source = {
        .format = DCE_I420, .width = 16, .height = 8, .plane = {a, a + 128, a + 160}, .stride = {16, 8, 8}};
    dce_image bad = source;
    bad.plane[0] = b;
    bad.plane[1] = bad.plane[2] = b + 128;
    refuse(handle, &source, &bad, "destination: plane[2] overlaps plane[1], memory of its own was wanted for each");
    bad.plane[1] = b + 127;
    bad.plane[2] = b + 160;
    refuse(handle, &source, &bad, "destination: plane[1] overlaps plane[0], memory of its own was wanted for each");
    const char *in_place = "destination: plane[0] overlaps plane[1] of the source; in place, the planes, the strides and the "
                           "bytes a pixel of the source were wanted";
    const dce_image rgb = {.format = DCE_RGB8, .width = 16, .height = 8, .plane = {a + 159}, .stride = {48}};
    dce_image apart = source;
    apart.plane[0] = b;
    apart.plane[2] = b + 128;
    refuse(handle, &apart, &rgb, in_place);
    /* A source may use one plane for both, which no destination may. */
    dce_image gray = source;
    gray.plane[2] = gray.plane[1];
    bad = source;
    bad.plane[0] = b, bad.plane[1] = b + 128, bad.plane[2] = b + 160;
    CHECK_EQUAL(dce_enhance(handle, &gray, &bad), DCE_OK);
    refuse(handle, &gray, &gray, "destination: plane[2] overlaps plane[1], memory of its own was wanted for each");
    dce_close(handle);
}

int main(void) {
    test_sentences();
    test_random_images();
    return 0;
}
