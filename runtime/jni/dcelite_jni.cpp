// The native side of org.dcelite.Enhancer: finds the memory behind direct buffers, makes sure that it is enough, and calls
// the C ABI, which judges all else, overlaps too. Java lets one thread at a time in with a handle, and frees it when nobody
// is. Frames allocate nothing.
#include <jni.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dcelite.h"
#ifdef DCELITE_JNI_MINDSPORE_LITE
#  include "dcelite_mslite.h"
#endif

namespace {

constexpr size_t kMessageSize = 512;  // bytes, as much as the core library has for its own

// ---- Buffers and images. Functions that take `env` and return false leave a Java exception pending. ----

// What lies between position and limit of a direct ByteBuffer.
struct Block {
    const char *name;  // of the parameter in Java
    uint8_t *first;
    int64_t size;
};

__attribute__((format(printf, 2, 3))) bool refuse(JNIEnv *env, const char *format, ...) {
    char message[kMessageSize];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    const jclass type = env->FindClass("java/lang/IllegalArgumentException");
    if (type) env->ThrowNew(type, message);
    return false;
}

bool find_block(JNIEnv *env, const char *name, jobject buffer, jint position, jint limit, Block *block) {
    uint8_t *memory = static_cast<uint8_t *>(env->GetDirectBufferAddress(buffer));
    if (!memory) return refuse(env, "%s: has no memory that native code can reach", name);
    *block = {name, memory + position, static_cast<int64_t>(limit) - position};
    return true;
}

// Makes `rows` rows at `offset` of the block a plane of the image. Offsets stay far below 2^63: a stride is below 2^31, and
// there are at most DCE_MAX_DIMENSION rows.
bool place(JNIEnv *env, const Block &block, int64_t offset, int64_t rows, int64_t row_bytes, int64_t stride, int plane,
           dce_image *image) {
    if (stride < row_bytes)
        return refuse(env, "%s: stride %lld bytes, at least %lld were wanted", block.name, static_cast<long long>(stride),
                      static_cast<long long>(row_bytes));
    const int64_t wanted = offset + (rows - 1) * stride + row_bytes;
    if (block.size < wanted)
        return refuse(env, "%s: %lld bytes from position to limit, %lld were wanted", block.name,
                      static_cast<long long>(block.size), static_cast<long long>(wanted));
    image->plane[plane] = block.first + offset;
    image->stride[plane] = static_cast<ptrdiff_t>(stride);
    return true;
}

dce_image image_of(jint format, jint width, jint height, jint matrix) {
    dce_image image = {};
    image.format = format;
    image.width = width;
    image.height = height;
    image.matrix = matrix;
    return image;
}

// Whether format and size mean something. Where not, planes stay null and the library refuses the image, with its sentence.
bool has_extent(const dce_image &image) {
    return image.format >= DCE_RGB8 && image.format <= DCE_I010 && image.width >= 1 && image.width <= DCE_MAX_DIMENSION &&
           image.height >= 1 && image.height <= DCE_MAX_DIMENSION;
}

// Bytes a pixel of interleaved formats; 0: YUV, whose samples have as many as sample_bytes says.
int64_t pixel_bytes(int32_t format) {
    switch (format) {
        case DCE_RGB8:
        case DCE_BGR8: return 3;
        case DCE_RGBA8:
        case DCE_BGRA8: return 4;
        case DCE_RGB16: return 6;
        case DCE_RGBA16: return 8;
        default: return 0;
    }
}

int64_t sample_bytes(int32_t format) { return format == DCE_P010 || format == DCE_I010 ? 2 : 1; }

// An image in one buffer, as Enhancer.enhance describes it.
bool lay_out(JNIEnv *env, const char *name, jobject buffer, jint position, jint limit, int64_t stride, dce_image *image) {
    Block block;
    if (!find_block(env, name, buffer, position, limit, &block)) return false;
    if (!has_extent(*image)) return true;
    const int64_t pixel = pixel_bytes(image->format);
    if (pixel > 0) return place(env, block, 0, image->height, image->width * pixel, stride, 0, image);
    const int64_t sample = sample_bytes(image->format);
    const int64_t rows = (image->height + 1) / 2, half_width = (image->width + 1) / 2 * sample;
    const int64_t half_stride = (stride + 2 * sample - 1) / (2 * sample) * sample;
    const int64_t chroma = image->height * stride;
    if (!place(env, block, 0, image->height, image->width * sample, stride, 0, image)) return false;
    if (image->format != DCE_I420 && image->format != DCE_I010)
        return place(env, block, chroma, rows, 2 * half_width, 2 * half_stride, 1, image);
    return place(env, block, chroma, rows, half_width, half_stride, 1, image) &&
           place(env, block, chroma + rows * half_stride, rows, half_width, half_stride, 2, image);
}

// ---- The handle ----

dce_enhancer *enhancer_of(jlong handle) { return reinterpret_cast<dce_enhancer *>(static_cast<intptr_t>(handle)); }

// The bytes of a UTF-8 string; JNI's own strings are not quite UTF-8.
jbyteArray bytes_of(JNIEnv *env, const char *text) {
    const jsize length = static_cast<jsize>(strlen(text));
    const jbyteArray bytes = env->NewByteArray(length);
    if (bytes) env->SetByteArrayRegion(bytes, 0, length, reinterpret_cast<const jbyte *>(text));
    return bytes;
}

#ifdef DCELITE_JNI_MINDSPORE_LITE

int run_engine(void *model, const float *image, int32_t height, int32_t width, float *map, char *message, size_t size) {
    return dce_mslite_model_run(static_cast<dce_mslite_model *>(model), image, height, width, map, message, size);
}

void destroy_engine(void *model) { dce_mslite_model_close(static_cast<dce_mslite_model *>(model)); }

dce_status open_engine(const dce_options &options, dce_engine *engine, char *message) {
    dce_mslite_model *model = nullptr;
    const dce_status status =
        options.model_path
            ? dce_mslite_model_open(options.model_path, options.threads, &model, message, kMessageSize)
            : dce_mslite_model_open_memory(options.model_data, options.model_data_size, options.threads, &model, message,
                                           kMessageSize);
    if (status != DCE_OK) return status;
    dce_mslite_info info;
    dce_mslite_model_info(model, &info);
    if (info.kind != DCE_MSLITE_CURVE_MAP) {
        dce_mslite_model_close(model);
        snprintf(message, kMessageSize, "model: is a whole graph with resize and curve, a curve network was wanted");
        return DCE_ERROR_MODEL;
    }
    *engine = {sizeof *engine, model, info.channels, info.scale, run_engine, destroy_engine};
    return DCE_OK;
}

#else

dce_status open_engine(const dce_options &, dce_engine *, char *message) {
    snprintf(message, kMessageSize, "model: is of MindSpore Lite, which this library was built without");
    return DCE_ERROR_MODEL;
}

#endif

// A .ms file, by its name; or bytes that have the mark of MindSpore Lite's format ("MSL2", a flatbuffer's identifier).
bool is_mindspore_lite(const dce_options &options) {
    if (options.model_path) {
        const size_t length = strlen(options.model_path);
        return length >= 3 && strcmp(options.model_path + length - 3, ".ms") == 0;
    }
    return options.model_data_size >= 8 && memcmp(static_cast<const char *>(options.model_data) + 4, "MSL2", 4) == 0;
}

// Like dce_open, but *handle stays null, and `message` receives the sentence, where it fails.
dce_status open_enhancer(dce_options *options, dce_enhancer **handle, char *message) {
    dce_engine engine = {};
    if (is_mindspore_lite(*options)) {
        const dce_status status = open_engine(*options, &engine, message);
        if (status != DCE_OK) return status;
        options->model_path = nullptr;
        options->model_data = nullptr;
        options->engine = &engine;
    }
    const dce_status status = dce_open(options, handle);
    if (status == DCE_OK) return status;
    snprintf(message, kMessageSize, "%s", dce_error_message(*handle));
    dce_close(*handle);
    *handle = nullptr;
    if (engine.destroy) engine.destroy(engine.context);
    return status;
}

}  // namespace

// ---- The native methods of Enhancer, which describes them ----

#define NATIVE(type, name) extern "C" JNIEXPORT type JNICALL Java_org_dcelite_Enhancer_##name

NATIVE(jbyteArray, openNative)(JNIEnv *env, jclass, jbyteArray path, jobject model, jint position, jint limit, jint threads,
                               jint scale, jfloat strength, jfloat smoothing, jint map_interval, jfloat denoise,
                               jfloat temporal_denoise, jfloat noise_level, jfloat white, jint precision, jboolean timings,
                               jlongArray handle, jintArray info) {
    dce_options options;
    dce_options_init(&options);
    options.threads = threads;
    options.scale = scale;
    options.strength = strength;
    options.smoothing = smoothing;
    options.map_interval = map_interval;
    options.denoise = denoise;
    options.temporal_denoise = temporal_denoise;
    options.noise_level = noise_level;
    options.white = white;
    options.precision = precision;
    options.timings = timings;
    Block block = {};
    if (model) {
        if (!find_block(env, "model", model, position, limit, &block)) return nullptr;
        options.model_data = block.first;
        options.model_data_size = block.size > 0 ? static_cast<size_t>(block.size) : 0;
    }
    jbyte *path_bytes = path ? env->GetByteArrayElements(path, nullptr) : nullptr;
    if (path && !path_bytes) return nullptr;
    options.model_path = reinterpret_cast<const char *>(path_bytes);

    char message[kMessageSize] = "";
    dce_enhancer *enhancer = nullptr;
    const dce_status status = open_enhancer(&options, &enhancer, message);
    if (path_bytes) env->ReleaseByteArrayElements(path, path_bytes, JNI_ABORT);
    if (status != DCE_OK) {
        const jint code = status;
        env->SetIntArrayRegion(info, 0, 1, &code);
        return bytes_of(env, message);
    }
    dce_model_info model_info = {};
    model_info.size = sizeof model_info;
    dce_get_model_info(enhancer, &model_info);
    const jint values[] = {model_info.scale, model_info.architecture, model_info.parameters};
    env->SetIntArrayRegion(info, 0, 3, values);
    const jlong address = static_cast<jlong>(reinterpret_cast<intptr_t>(enhancer));
    env->SetLongArrayRegion(handle, 0, 1, &address);
    return nullptr;
}

NATIVE(jint, enhanceNative)(JNIEnv *env, jclass, jlong handle, jobject src, jint src_position, jint src_limit,
                            jint src_format, jint src_stride, jobject dst, jint dst_position, jint dst_limit,
                            jint dst_format, jint dst_stride, jint width, jint height, jint matrix) {
    dce_image source = image_of(src_format, width, height, matrix);
    dce_image destination = image_of(dst_format, width, height, matrix);
    if (!lay_out(env, "src", src, src_position, src_limit, src_stride, &source) ||
        !lay_out(env, "dst", dst, dst_position, dst_limit, dst_stride, &destination))
        return DCE_ERROR_INVALID_ARGUMENT;
    return dce_enhance(enhancer_of(handle), &source, &destination);
}

NATIVE(jint, enhancePlanesNative)(JNIEnv *env, jclass, jlong handle, jobject y, jint y_position, jint y_limit, jint y_stride,
                                  jobject u, jint u_position, jint u_limit, jint u_stride, jobject v, jint v_position,
                                  jint v_limit, jint v_stride, jint uv_pixel_stride, jobject dst, jint dst_position,
                                  jint dst_limit, jint dst_format, jint dst_stride, jint width, jint height, jint matrix) {
    if (uv_pixel_stride < 1 || uv_pixel_stride > DCE_MAX_CHROMA_STEP) {
        refuse(env, "uvPixelStride: %d, 1 to %d was wanted", uv_pixel_stride, DCE_MAX_CHROMA_STEP);
        return DCE_ERROR_INVALID_ARGUMENT;
    }
    dce_image source = image_of(DCE_I420, width, height, matrix);
    dce_image destination = image_of(dst_format, width, height, matrix);
    source.chroma_step = uv_pixel_stride;
    Block planes[3];
    if (!find_block(env, "y", y, y_position, y_limit, &planes[0]) ||
        !find_block(env, "u", u, u_position, u_limit, &planes[1]) ||
        !find_block(env, "v", v, v_position, v_limit, &planes[2]) ||
        !lay_out(env, "dst", dst, dst_position, dst_limit, dst_stride, &destination))
        return DCE_ERROR_INVALID_ARGUMENT;
    if (has_extent(source)) {
        const int64_t rows = (height + 1) / 2, row = static_cast<int64_t>((width + 1) / 2 - 1) * uv_pixel_stride + 1;
        if (!place(env, planes[0], 0, height, width, y_stride, 0, &source) ||
            !place(env, planes[1], 0, rows, row, u_stride, 1, &source) ||
            !place(env, planes[2], 0, rows, row, v_stride, 2, &source))
            return DCE_ERROR_INVALID_ARGUMENT;
    }
    return dce_enhance(enhancer_of(handle), &source, &destination);
}

NATIVE(jint, setStrengthNative)(JNIEnv *, jclass, jlong handle, jfloat strength) {
    return dce_set_strength(enhancer_of(handle), strength);
}

NATIVE(jint, setSmoothingNative)(JNIEnv *, jclass, jlong handle, jfloat smoothing) {
    return dce_set_smoothing(enhancer_of(handle), smoothing);
}

NATIVE(jint, setDenoiseNative)(JNIEnv *, jclass, jlong handle, jfloat denoise) {
    return dce_set_denoise(enhancer_of(handle), denoise);
}

NATIVE(jint, setTemporalDenoiseNative)(JNIEnv *, jclass, jlong handle, jfloat temporal_denoise) {
    return dce_set_temporal_denoise(enhancer_of(handle), temporal_denoise);
}

NATIVE(jint, setWhiteNative)(JNIEnv *, jclass, jlong handle, jfloat white) {
    return dce_set_white(enhancer_of(handle), white);
}

NATIVE(jint, resetNative)(JNIEnv *, jclass, jlong handle) { return dce_reset(enhancer_of(handle)); }

NATIVE(jint, timingsNative)(JNIEnv *env, jclass, jlong handle, jlongArray nanoseconds) {
    dce_timings timings = {};
    timings.size = sizeof timings;
    const dce_status status = dce_get_timings(enhancer_of(handle), &timings);
    if (status != DCE_OK) return status;
    const jlong values[] = {timings.total_ns, timings.convert_ns, timings.downsample_ns, timings.network_ns,
                            timings.curve_ns, timings.denoise_ns};
    // Apps from before the denoising have arrays of 5.
    env->SetLongArrayRegion(nanoseconds, 0, env->GetArrayLength(nanoseconds) < 6 ? 5 : 6, values);
    return DCE_OK;
}

NATIVE(jbyteArray, messageNative)(JNIEnv *env, jclass, jlong handle) {
    return bytes_of(env, dce_error_message(enhancer_of(handle)));
}

NATIVE(jstring, versionNative)(JNIEnv *env, jclass) { return env->NewStringUTF(dce_version()); }

NATIVE(void, closeNative)(JNIEnv *, jclass, jlong handle) { dce_close(enhancer_of(handle)); }
