/* enhance_raw MODEL|- THREADS WIDTH HEIGHT: raw RGB from standard input, enhanced raw RGB to standard output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dcelite.h"

int main(int argc, char **argv) {
    if (argc != 5) return 64;
    dce_options options;
    dce_enhancer *handle;
    dce_options_init(&options);
    if (strcmp(argv[1], "-") != 0) options.model_path = argv[1];
    options.threads = atoi(argv[2]);
    dce_image image = {.format = DCE_RGB8, .width = atoi(argv[3]), .height = atoi(argv[4])};
    const size_t size = (size_t)image.width * (size_t)image.height * 3;
    image.plane[0] = malloc(size);
    image.stride[0] = (ptrdiff_t)image.width * 3;
    if (!image.plane[0] || fread(image.plane[0], 1, size, stdin) != size) return 65;
    if (dce_open(&options, &handle) != DCE_OK || dce_enhance(handle, &image, &image) != DCE_OK) {
        fprintf(stderr, "%s\n", dce_error_message(handle));
        return 1;
    }
    const int written = fwrite(image.plane[0], 1, size, stdout) == size;
    dce_close(handle);
    free(image.plane[0]);
    return written ? 0 : 66;
}
