/* enhance WIDTH HEIGHT < in.rgb > out.rgb: enhances raw 8-bit RGB pixels. */
#include <dcelite.h>
#include <stdio.h>
#include <stdlib.h>
#if defined(_WIN32)
#  include <fcntl.h>
#  include <io.h>
#endif

int main(int argc, char **argv) {
    const int width = argc == 3 ? atoi(argv[1]) : 0, height = argc == 3 ? atoi(argv[2]) : 0;
    const size_t row = width > 0 ? 3 * (size_t)width : 0, rows = height > 0 ? (size_t)height : 0;
    unsigned char *pixels = malloc(row * rows + 1);
#if defined(_WIN32)
    _setmode(_fileno(stdin), _O_BINARY);
    _setmode(_fileno(stdout), _O_BINARY);
#endif
    if (!pixels || fread(pixels, 1, row * rows, stdin) != row * rows) return 2;

    dce_enhancer *enhancer;
    dce_image image = {
        .format = DCE_RGB8, .width = width, .height = height, .plane = {pixels}, .stride = {(ptrdiff_t)row}};
    const int failed = dce_open(NULL, &enhancer) != DCE_OK || dce_enhance(enhancer, &image, &image) != DCE_OK;
    if (failed)
        fprintf(stderr, "%s\n", dce_error_message(enhancer));
    else
        fwrite(pixels, row, rows, stdout);
    dce_close(enhancer);
    free(pixels);
    return failed;
}
