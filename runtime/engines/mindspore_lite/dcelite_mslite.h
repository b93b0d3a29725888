/* dcelite_mslite.h - MindSpore Lite as an engine of dcelite, as a C interface.
 *
 *     dce_engine engine;
 *     char message[256];
 *     if (dce_mslite_open("zerodcepp.ms", 2, &engine, message, sizeof message) != DCE_OK) puts(message);
 *     options.engine = &engine;                                  // then dce_open(&options, ...)
 *
 * It reads two kinds of model, told apart by the name of the output tensor, which conversion and quantization keep:
 * `curve_map` (the curve network alone, for images of any size) and `enhanced` (the whole graph with resize and curve, for
 * the one size it was made for).
 *
 * The scale of a model stands in the seal that dcelite writes into its .ms files (model_check.h); a file without one, or with
 * scale 0, is taken to be 12 for 3-channel maps and 1 for 24-channel maps. Damage to a sealed file is always found. A file
 * without seal (made by another converter) is verified only as far as MindSpore Lite does: truncation is found, a flipped bit
 * in the weights is not, and one in the graph may crash the process; open such files from untrusted places in a process of
 * their own, as the Python package does with all.
 *
 * No function throws, aborts or prints; MindSpore Lite itself logs to standard error, less with GLOG_v=4 in the environment
 * before the program starts. Do not load this library into a process that has loaded the Python package mindspore: both
 * define the same symbols. Errors are dce_status codes, with a sentence in `message` (NUL-terminated, cut to message_size;
 * null if message_size is 0). One model serves one call at a time; different models are independent.
 *
 * The same source compiles against the libraries of the PyPI wheel (x86_64, aarch64) and the official packages for Linux and
 * Android: it needs mindspore::Model, Context and MSTensor, C++17, -I<SDK root holding include/api>.
 */
#ifndef DCELITE_MSLITE_H
#define DCELITE_MSLITE_H

#include "dcelite.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum dce_mslite_kind {
    DCE_MSLITE_CURVE_MAP = 1, /* image at low resolution -> curve map */
    DCE_MSLITE_ENHANCED = 2   /* whole image -> enhanced image */
} dce_mslite_kind;

typedef enum dce_mslite_pixels {
    DCE_MSLITE_FLOAT32_PLANAR = 1,    /* float32 (channels, height, width), 0 … 1 */
    DCE_MSLITE_UINT8_INTERLEAVED = 2  /* uint8 (height, width, 3), 0 … 255 */
} dce_mslite_pixels;

typedef struct dce_mslite_info {
    int32_t kind;         /* a dce_mslite_kind */
    int32_t pixels;       /* a dce_mslite_pixels, of input and output alike, whatever layout the model has inside */
    int32_t height;       /* the input size that is expected; 0: any (curve networks) */
    int32_t width;
    int32_t channels;     /* of the output: 3 or 24 for a curve map, 3 for an image */
    int32_t scale;        /* 1 … DCE_MAX_SCALE */
    int32_t sealed;       /* 1: the file carries dcelite's checksum, and it matched */
} dce_mslite_info;

typedef struct dce_mslite_model dce_mslite_model;

/* Opens a curve network as an engine for dce_options; `engine->destroy` frees it. threads: 1 … 64, or 0 for one per
 * processor. */
DCE_API dce_status dce_mslite_open(const char *path, int32_t threads, dce_engine *engine, char *message, size_t message_size);

/* Opens a model of either kind. Free it with dce_mslite_model_close. */
DCE_API dce_status dce_mslite_model_open(const char *path, int32_t threads, dce_mslite_model **model, char *message,
                                         size_t message_size);

/* The same for the bytes of a .ms file in memory (an asset of an app); they are copied. */
DCE_API dce_status dce_mslite_model_open_memory(const void *data, size_t data_size, int32_t threads,
                                                dce_mslite_model **model, char *message, size_t message_size);

DCE_API void dce_mslite_model_info(const dce_mslite_model *model, dce_mslite_info *info);

/* Runs the model on 3 channels of height x width; input and output as `pixels` says, both owned by the caller, output with
 * room for channels x height x width values. */
DCE_API dce_status dce_mslite_model_run(dce_mslite_model *model, const void *input, int32_t height, int32_t width,
                                        void *output, char *message, size_t message_size);

/* Frees a model; null is allowed. */
DCE_API void dce_mslite_model_close(dce_mslite_model *model);

#ifdef __cplusplus
}
#endif

#endif /* DCELITE_MSLITE_H */
