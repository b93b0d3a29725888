/* frames.c - the program whose instructions are counted: enhances the scene a number of times, on one thread.
 *
 *     frames FORMAT DENOISE FRAMES WIDTHxHEIGHT MODEL|- [fast]     # rgb, rgba: in place; nv21-rgba; nv21: in place
 *
 * The difference of two numbers of frames is what frames take, without the start and the end of the program. DCELITE_ISA names
 * the kernels.
 */
#include <dcelite.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roofline.h"

static int fail(const char *what, const char *wanted) {
    fprintf(stderr, "frames: %s: %s\n", what, wanted);
    return 2;
}

int main(int count, char **arguments) {
    int width, height;
    dce_options options;
    dce_enhancer *handle;
    const int is_fast = count == 7 && strcmp(arguments[6], "fast") == 0;
    if (count != 6 && !is_fast) return fail("arguments", "FORMAT DENOISE FRAMES WIDTHxHEIGHT MODEL|- [fast] was wanted");
    const char *format = arguments[1];
    if (sscanf(arguments[4], "%dx%d", &width, &height) != 2 || width < 2 || height < 2 || width % 2 || height % 2)
        return fail(arguments[4], "an even width and height were wanted");
    const size_t pixels = (size_t)width * (size_t)height;
    uint8_t *scene = malloc(3 * pixels), *buffers[2] = {malloc(4 * pixels), malloc(4 * pixels)};
    if (!scene || !buffers[0] || !buffers[1]) return fail(arguments[4], "not enough memory");
    dce_bench_scene(scene, width, height);

    dce_image from = {.format = DCE_RGB8, .width = width, .height = height, .plane = {buffers[0]}, .stride = {3 * width}};
    dce_image to = from;
    if (strcmp(format, "rgb") == 0) {
        memcpy(buffers[0], scene, 3 * pixels);
    } else if (strcmp(format, "rgba") == 0) {
        for (size_t i = 0; i < 4 * pixels; ++i) buffers[0][i] = i % 4 == 3 ? 255 : scene[i / 4 * 3 + i % 4];
        from.format = DCE_RGBA8;
        from.stride[0] = 4 * width;
        to = from;
    } else if (strcmp(format, "nv21") == 0 || strcmp(format, "nv21-rgba") == 0) {
        memcpy(buffers[0], scene, 3 * pixels / 2); /* as luma and chroma: dark all the same */
        from.format = DCE_NV21;
        from.matrix = DCE_BT601_FULL;
        from.plane[1] = buffers[0] + pixels;
        from.stride[0] = from.stride[1] = width;
        to = from;
        if (strcmp(format, "nv21-rgba") == 0) {
            const dce_image rgba = {
                .format = DCE_RGBA8, .width = width, .height = height, .plane = {buffers[1]}, .stride = {4 * width}};
            to = rgba;
        }
    } else {
        return fail(format, "rgb, rgba, nv21 or nv21-rgba was wanted");
    }

    dce_options_init(&options);
    options.threads = 1;
    options.precision = is_fast ? DCE_FAST : DCE_EXACT;
    options.denoise = (float)atof(arguments[2]);
    if (strcmp(arguments[5], "-") != 0) options.model_path = arguments[5];
    dce_status status = dce_open(&options, &handle);
    for (int i = atoi(arguments[3]); i > 0 && status == DCE_OK; --i) status = dce_enhance(handle, &from, &to);
    if (status != DCE_OK) return fail("dcelite", dce_error_message(handle));
    dce_close(handle);
    return 0;
}
