// What the JavaScript of the package calls: dcelite.h without its structures. Addresses are those of the instance's memory.
#include <stdlib.h>

#include "dcelite.h"

#define DCE_WEB_EXPORT(name) extern "C" __attribute__((export_name(#name), used))

namespace {

struct Planes {
    void *plane[3];
    ptrdiff_t stride[3];
};

// The two images of a call, which JavaScript fills in: one of each for all calls, since there is one thread.
Planes planes[2];

dce_image image(int32_t format, int32_t width, int32_t height, int32_t matrix, const Planes &of) {
    dce_image result = {};
    result.format = format;
    result.width = width;
    result.height = height;
    result.matrix = matrix;
    for (int p = 0; p < 3; ++p) {
        result.plane[p] = of.plane[p];
        result.stride[p] = of.stride[p];
    }
    return result;
}

}  // namespace

DCE_WEB_EXPORT(allocate) void *web_allocate(size_t size) { return malloc(size); }
DCE_WEB_EXPORT(release) void web_release(void *memory) { free(memory); }
DCE_WEB_EXPORT(planes) void *web_planes() { return planes; }

// A handle whether it is open or not, or null; message() is not empty where it is not.
DCE_WEB_EXPORT(open)
dce_enhancer *web_open(const void *model, size_t size, int32_t scale, int32_t map_interval, float noise_level, int32_t timings,
                       int32_t precision) {
    dce_options options;
    dce_options_init(&options);
    options.model_data = model;
    options.model_data_size = size;
    options.threads = 1;
    options.scale = scale;
    options.map_interval = map_interval;
    options.noise_level = noise_level;
    options.timings = timings;
    options.precision = precision;
    dce_enhancer *handle;
    dce_open(&options, &handle);
    return handle;
}

DCE_WEB_EXPORT(close) void web_close(dce_enhancer *handle) { dce_close(handle); }
DCE_WEB_EXPORT(message) const char *web_message(const dce_enhancer *handle) { return dce_error_message(handle); }
DCE_WEB_EXPORT(reset) int32_t web_reset(dce_enhancer *handle) { return dce_reset(handle); }
DCE_WEB_EXPORT(version) const char *web_version() { return dce_version(); }

// An option that may change, in the order of OPTIONS in the JavaScript.
DCE_WEB_EXPORT(set) int32_t web_set(dce_enhancer *handle, int32_t option, float value) {
    switch (option) {
        case 0:
            return dce_set_strength(handle, value);
        case 1:
            return dce_set_denoise(handle, value);
        case 2:
            return dce_set_smoothing(handle, value);
        case 3:
            return dce_set_temporal_denoise(handle, value);
    }
    return DCE_ERROR_INVALID_ARGUMENT;
}

DCE_WEB_EXPORT(enhance)
int32_t web_enhance(dce_enhancer *handle, int32_t source, int32_t destination, int32_t width, int32_t height, int32_t matrix) {
    const dce_image from = image(source, width, height, matrix, planes[0]),
                    to = image(destination, width, height, matrix, planes[1]);
    return dce_enhance(handle, &from, &to);
}

// Architecture, scale, parameters.
DCE_WEB_EXPORT(information) int32_t web_information(dce_enhancer *handle, int32_t *values) {
    dce_model_info info = {};
    info.size = sizeof info;
    const dce_status status = dce_get_model_info(handle, &info);
    values[0] = info.architecture;
    values[1] = info.map_channels;
    values[2] = info.scale;
    values[3] = info.parameters;
    return status;
}

// Of the last frame, in milliseconds: total, downsampling, network, curve, denoising.
DCE_WEB_EXPORT(timings) int32_t web_timings(dce_enhancer *handle, double *values) {
    dce_timings timings = {};
    timings.size = sizeof timings;
    const dce_status status = dce_get_timings(handle, &timings);
    const int64_t stages[] = {timings.total_ns, timings.downsample_ns, timings.network_ns, timings.curve_ns,
                              timings.denoise_ns};
    for (int i = 0; i < 5; ++i) values[i] = static_cast<double>(stages[i]) * 1e-6;
    return status;
}

// Width, height, channels.
DCE_WEB_EXPORT(map_size) int32_t web_map_size(dce_enhancer *handle, int32_t width, int32_t height, int32_t *size) {
    return dce_curve_map_size(handle, width, height, size, size + 1, size + 2);
}

DCE_WEB_EXPORT(curve_map)
int32_t web_curve_map(dce_enhancer *handle, int32_t format, int32_t width, int32_t height, float *map, size_t floats) {
    const dce_image from = image(format, width, height, DCE_BT601_LIMITED, planes[0]);
    return dce_curve_map(handle, &from, map, floats);
}
