/* enhance_mindspore_lite MODEL.ms WIDTH HEIGHT < in.rgb > out.rgb: the curve network runs in MindSpore Lite. */
#include <dcelite.h>
#include <dcelite_mslite.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    const int width = argc == 4 ? atoi(argv[2]) : 0, height = argc == 4 ? atoi(argv[3]) : 0;
    const size_t row = width > 0 ? 3 * (size_t)width : 0, rows = height > 0 ? (size_t)height : 0;
    unsigned char *pixels = malloc(row * rows + 1);
    if (!pixels || fread(pixels, 1, row * rows, stdin) != row * rows) return 2;

    char message[256];
    dce_engine engine;
    if (dce_mslite_open(argv[1], 1, &engine, message, sizeof message) != DCE_OK) {
        fprintf(stderr, "%s\n", message);
        return 1;
    }
    dce_options options;
    dce_options_init(&options);
    options.engine = &engine;
    dce_enhancer *enhancer;
    if (dce_open(&options, &enhancer) != DCE_OK) {
        fprintf(stderr, "%s\n", dce_error_message(enhancer));
        engine.destroy(engine.context); /* a handle that did not open leaves the engine to the caller */
        return 1;
    }
    dce_image image = {
        .format = DCE_RGB8, .width = width, .height = height, .plane = {pixels}, .stride = {(ptrdiff_t)row}};
    const int failed = dce_enhance(enhancer, &image, &image) != DCE_OK;
    if (failed)
        fprintf(stderr, "%s\n", dce_error_message(enhancer));
    else
        fwrite(pixels, row, rows, stdout);
    dce_close(enhancer); /* frees the engine too */
    free(pixels);
    return failed;
}
