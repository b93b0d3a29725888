/* What dcelite.h says of pixel formats, by their number, for tests that go through all of them. */
#ifndef DCELITE_TESTS_FORMATS_H
#define DCELITE_TESTS_FORMATS_H

#include "dcelite.h"

enum { FORMATS = DCE_I010 + 1 };

/* Formats of one kind are converted into each other; those of YUV into 8-bit RGB, too. */
typedef enum format_kind { RGB_8, RGB_16, YUV_8, YUV_10 } format_kind;

typedef struct format_facts {
    format_kind kind;
    int pixel_bytes; /* in plane[0] */
    int value_bytes; /* of which addresses and strides are multiples */
    int planes;
} format_facts;

static const format_facts kFacts[FORMATS] = {
    {RGB_8, 3, 1, 1}, {RGB_8, 3, 1, 1}, {RGB_8, 4, 1, 1},  {RGB_8, 4, 1, 1},  {RGB_16, 6, 2, 1}, {YUV_8, 1, 1, 2},
    {YUV_8, 1, 1, 2}, {YUV_8, 1, 1, 3}, {RGB_16, 8, 2, 1}, {YUV_10, 2, 2, 2}, {YUV_10, 2, 2, 3},
};

static inline int is_yuv(int format) { return kFacts[format].planes > 1; }

static inline int goes_to(int from, int to) {
    return kFacts[from].kind == kFacts[to].kind || (is_yuv(from) && kFacts[to].kind == RGB_8);
}

#endif
