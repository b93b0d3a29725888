/* enhance_raw MODEL|- THREADS WIDTH HEIGHT [FORMAT MATRIX WHITE DENOISE [PRECISION]]: a raw image from standard input, its planes one
 * after the other, enhanced to standard output. RGB8 unless a dce_format says otherwise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcelite.h"
#include "formats.h"

int main(int argc, char **argv) {
    if (argc != 5 && argc != 9 && argc != 10) return 64;
    dce_options options;
    dce_enhancer *handle;
    dce_options_init(&options);
    if (strcmp(argv[1], "-") != 0) options.model_path = argv[1];
    options.threads = atoi(argv[2]);
    dce_image image = {.format = DCE_RGB8, .width = atoi(argv[3]), .height = atoi(argv[4])};
    if (argc == 10) options.precision = atoi(argv[9]);
    if (argc >= 9) {
        image.format = atoi(argv[5]);
        image.matrix = atoi(argv[6]);
        options.white = (float)atof(argv[7]);
        options.denoise = (float)atof(argv[8]);
    }
    if (image.format < 0 || image.format >= FORMATS) return 64;
    const format_facts facts = kFacts[image.format];
    const ptrdiff_t half_width = (image.width + 1) / 2, half_height = (image.height + 1) / 2;
    const ptrdiff_t row = image.width * (ptrdiff_t)facts.pixel_bytes;
    const ptrdiff_t chroma_row = facts.planes == 1 ? 0 : half_width * facts.value_bytes * (facts.planes == 2 ? 2 : 1);
    const size_t size = (size_t)(row * image.height + chroma_row * half_height * (facts.planes - 1));
    uint8_t *pixels = malloc(size);
    if (!pixels || fread(pixels, 1, size, stdin) != size) return 65;
    image.plane[0] = pixels;
    image.stride[0] = row;
    for (int i = 1; i < facts.planes; ++i) {
        image.plane[i] = pixels + row * image.height + chroma_row * half_height * (i - 1);
        image.stride[i] = chroma_row;
    }
    if (dce_open(&options, &handle) != DCE_OK || dce_enhance(handle, &image, &image) != DCE_OK) {
        fprintf(stderr, "%s\n", dce_error_message(handle));
        return 1;
    }
    const int written = fwrite(pixels, 1, size, stdout) == size;
    dce_close(handle);
    free(pixels);
    return written ? 0 : 66;
}
