/* dcelite.h - low-light image enhancement with Zero-DCE and Zero-DCE++ curves.
 *
 * Synopsis
 *
 *     dce_options options;
 *     dce_enhancer *enhancer;
 *     dce_options_init(&options);                     // shipped weights, native engine
 *     if (dce_open(&options, &enhancer) != DCE_OK)
 *         fprintf(stderr, "%s\n", dce_error_message(enhancer));
 *
 *     dce_image image = {.format = DCE_RGB8, .width = 1200, .height = 900, .plane = {pixels}, .stride = {1200 * 3}};
 *     if (dce_enhance(enhancer, &image, &image) != DCE_OK)   // in place; or another destination
 *         fprintf(stderr, "%s\n", dce_error_message(enhancer));
 *
 *     dce_close(enhancer);
 *
 * What it computes (Li, Guo, Loy: "Learning to Enhance Low-Light Image via Zero-Reference Deep Curve Estimation", TPAMI
 * 2021): a small network sees the image at 1/scale of its size and predicts a curve map a in (-1, 1);
 * the map is interpolated to full size and x <- x + a (x^2 - x) is applied eight times to x = value / 255.
 *
 * 16-bit images are the same with x = value / 65535; the curve never passes through 8 bits.
 *
 * YUV images: every pixel takes the chroma sample that covers it (no interpolation) and becomes R'G'B' by the image's
 * matrix, in floating point. The network sees these values clamped to 0 … 1. The curve applies to those between 0 and 1;
 * beyond, where YUV reaches and no display does, values stay as they are, so that strength 0 is the identity. Back in YUV,
 * a pixel keeps its own luma, a chroma sample is the mean over the (up to) four pixels that it covers; all is rounded to
 * the nearest integer and clamped to 0 … 255, or 0 … 1023 for 10 bits. With `white` of dce_options, x = R'G'B' / white: what
 * is at it stays there, and what is brighter stays as it is.
 *
 * Ownership: the caller owns every buffer it passes; the library keeps no pointer to any of them after the call returns,
 * except the `engine` of dce_options, see there. A handle from dce_open is freed by dce_close.
 *
 * Threads: different handles are independent and may be used at the same time from different threads. One handle serves
 * one call at a time; a second call that arrives meanwhile returns DCE_ERROR_BUSY and changes nothing. dce_close does
 * not wait: a call that is at work goes on, and frees the handle when it ends. No call may begin after dce_close, so whoever
 * shares a handle between threads must have a lock of his own around every call, with a flag, as the bindings for Python and
 * Java have.
 * Signal handlers must call nothing but dce_status_text and dce_version.
 *
 * Forks: a child process has none of the threads of its parent. It may go on using the handles that it has inherited, whose
 * threads are then started anew by its first call, close them, and open others. A handle that another thread was using at the
 * moment of the fork begins a new video in the child, and some of its memory is not freed there. Engines of dce_options are
 * not the library's: what they allow in a child is for them to say.
 *
 * Failures: every function that can fail returns a dce_status, DCE_OK (0) or a negative code; a sentence about the last
 * failure stays on the handle (dce_error_message). The library never aborts, prints, or changes global state; it blocks all
 * signals in the threads that it starts. A failed
 * dce_enhance may have written a part of the destination only with DCE_ERROR_ENGINE or DCE_ERROR_OUT_OF_MEMORY.
 *
 * Versions: structures that may grow carry their size; fields are only added at the end. A program compiled against an
 * older header of the same DCE_ABI_VERSION works with a newer library, which fills and reads what its structures have room
 * for. So does one that was compiled against a newer header: fields that the library does not know are not read, and set to
 * zero where it answers. Functions that are newer than the library are missing from it.
 */
#ifndef DCELITE_H
#define DCELITE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#  if defined(DCE_BUILDING_SHARED)
#    define DCE_API __declspec(dllexport)
#  else
#    define DCE_API
#  endif
#elif defined(__GNUC__)
#  define DCE_API __attribute__((visibility("default")))
#else
#  define DCE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when a program compiled against an older header would break. */
#define DCE_ABI_VERSION 1

/* Widest and tallest image, in pixels. */
#define DCE_MAX_DIMENSION 65535

/* Largest chroma_step of an image. */
#define DCE_MAX_CHROMA_STEP 16

/* Largest downsampling factor. */
#define DCE_MAX_SCALE 64

/* Applications of the curve. */
#define DCE_ITERATIONS 8

typedef enum dce_status {
    DCE_OK = 0,
    DCE_ERROR_INVALID_ARGUMENT = -1, /* a null pointer, a size, stride, format or option out of its range */
    DCE_ERROR_OUT_OF_MEMORY = -2,    /* an allocation failed; the handle stays usable */
    DCE_ERROR_FILE = -3,             /* the model file cannot be opened or read */
    DCE_ERROR_MODEL = -4,            /* the model is damaged, of another kind, or of a newer version */
    DCE_ERROR_ENGINE = -5,           /* the engine of dce_options reported a failure */
    DCE_ERROR_BUSY = -6              /* the handle is in use by another thread */
} dce_status;

/* Pixel formats. RGB and BGR are interleaved in plane[0]; alpha is copied unchanged. The others are YUV, luma in plane[0] and
 * one chroma sample for 2 x 2 pixels: ceil(width / 2) x ceil(height / 2) of them. Values wider than 8 bits are words of 16
 * bits in the order of bytes of the processor, addresses and strides are even. */
typedef enum dce_format {
    DCE_RGB8 = 0,
    DCE_BGR8 = 1,
    DCE_RGBA8 = 2,
    DCE_BGRA8 = 3,
    DCE_RGB16 = 4,
    DCE_NV12 = 5,   /* plane[1]: U and V in turn */
    DCE_NV21 = 6,   /* plane[1]: V and U in turn */
    DCE_I420 = 7,   /* plane[1]: U, plane[2]: V; see chroma_step for planes that are interwoven, as cameras give them */
    DCE_RGBA16 = 8,
    DCE_P010 = 9,   /* 10 bits, the high ones of each word; the low 6 are ignored, and written as zeros. plane[1]: U and V in
                       turn. YCBCR_P010 of android.graphics.ImageFormat, p010le of FFmpeg */
    DCE_I010 = 10   /* 10 bits, the low ones of each word; what is above 1023 is taken for 1023. plane[1]: U, plane[2]: V.
                       yuv420p10le of FFmpeg */
} dce_format;

/* How YUV stands for R'G'B'. Limited: luma 16 … 235, chroma 16 … 240, or, of 10 bits, 64 … 940 and 64 … 960; full: 0 … 255,
 * or 0 … 1023. */
typedef enum dce_matrix {
    DCE_BT601_LIMITED = 0, /* standard definition video */
    DCE_BT601_FULL = 1,    /* JPEG, and the cameras of Android */
    DCE_BT709_LIMITED = 2, /* high definition video */
    DCE_BT709_FULL = 3,
    DCE_BT2020_LIMITED = 4, /* ultra high definition video, SDR or HDR; of non-constant luminance */
    DCE_BT2020_FULL = 5
} dce_matrix;

/* An image in the caller's memory. Source pixels are only read. Fields that a format has no use for are ignored; zero, as
 * an initializer leaves it, is right for most. */
typedef struct dce_image {
    int32_t format;      /* a dce_format */
    int32_t width;       /* pixels, 1 … DCE_MAX_DIMENSION */
    int32_t height;      /* pixels, 1 … DCE_MAX_DIMENSION */
    void *plane[3];      /* first sample of the top row of each plane */
    ptrdiff_t stride[3]; /* bytes from a row to the one below it, at least the bytes of a row in size; may be negative */
    int32_t matrix;      /* a dce_matrix, of YUV formats */
    int32_t chroma_step; /* DCE_I420: bytes from a chroma sample to the next one of its row, 1 … DCE_MAX_CHROMA_STEP; 0: 1.
                            It is the pixel stride of the U and V planes of an android.media.Image. */
} dce_image;

/* Networks. Statistics are, of all pixels of the downsampled picture: two histograms in 16 bins, of the
 * roots of their brightest channel and of their mean over the channels, and the means of R, G and B; two fully connected
 * layers make of them what is added within the network. Results do not depend on the number of threads here either. The
 * whole downsampled picture is kept then: 12 bytes for each of its pixels. */
typedef enum dce_architecture {
    DCE_ARCHITECTURE_ENGINE = 0,         /* a dce_engine of the caller */
    DCE_ARCHITECTURE_ZERODCEPP = 1,      /* 7 separable layers, one 3-channel map for all iterations */
    DCE_ARCHITECTURE_ZERODCE = 2,        /* 7 plain layers, 24 channels: a map per iteration */
    DCE_ARCHITECTURE_ZERODCEPP_SCENE = 3 /* as 1, steered by statistics of the whole picture */
} dce_architecture;

/* An engine other than the built-in one: it maps the downsampled image to the curve map and does nothing else. */
typedef struct dce_engine {
    size_t size;          /* sizeof(dce_engine) */
    void *context;        /* passed to `run` and `destroy` */
    int32_t map_channels; /* 3 or 24 */
    int32_t scale;        /* the downsampling factor the model was trained for, 1 … DCE_MAX_SCALE */
    /* image: float32, planar (3, height, width), red, green, blue in 0 … 1. map: float32, planar (map_channels, height,
     * width), to be filled with values in [-1, 1]. Returns 0, or anything else for a failure, which becomes
     * DCE_ERROR_ENGINE; it may then write a sentence (NUL-terminated, at most message_size bytes) to message. */
    int (*run)(void *context, const float *image, int32_t height, int32_t width, float *map, char *message,
               size_t message_size);
    void (*destroy)(void *context); /* called once, by dce_close; may be null */
} dce_engine;

/* How exactly network and curve are computed: in floating point, or in 16-bit fixed point, which processors do twice as much of at
 * once.
 *
 * DCE_FAST: at least 99.9 % of the 8-bit values are within 1 of DCE_EXACT's, none is off by more than 2, and the mean
 * brightness by 0.05 at most. The curve keeps that for any map and picture, and from one map, every processor makes the same
 * picture; it is for RGB8, BGR8, RGBA8 and BGRA8, and from NV12, NV21 and I420 to these with `white` 1, without denoising, and
 * exact elsewhere. The network keeps it for the shipped weights; it is for Zero-DCE++ with float32 weights, of which channels
 * that cannot change the outputs are left out, and the same as with DCE_EXACT elsewhere. dce_open takes some milliseconds
 * longer. */
typedef enum dce_precision {
    DCE_EXACT = 0,
    DCE_FAST = 1
} dce_precision;

typedef struct dce_options {
    size_t size;             /* sizeof(dce_options), set by dce_options_init */
    const char *model_path;  /* a .dce file, UTF-8; null: see model_data */
    const void *model_data;  /* the bytes of a .dce file in memory; null: the weights compiled into the library */
    size_t model_data_size;  /* bytes at model_data */
    const dce_engine *engine; /* not null: use this engine instead of the built-in one; the structure is copied, its context
                                 belongs to the handle from a successful dce_open until dce_close */
    int32_t threads;         /* 0: one per processor the process may use; else 1 … 64 */
    int32_t scale;           /* downsampling factor, 1 … DCE_MAX_SCALE; 0: the model's own (Zero-DCE++: 12) */
    float strength;          /* 0 leaves the image as it is, 1 is the model; the curve map is multiplied by it */
    float smoothing;         /* of the frames of a video, against flicker: 0 (off) … less than 1; see dce_enhance */
    int32_t map_interval;    /* estimate the curve map on every n-th frame of a video only, 1 (each) … */
    int32_t timings;         /* not 0: keep the times of each call, see dce_get_timings */
    float denoise;           /* 0 (off) … 1: how much of the noise is taken away within each frame; see dce_enhance */
    float temporal_denoise;  /* 0 (off) … 1: how much over the frames of a video */
    float noise_level;       /* standard deviation of white noise in R, G and B, in 1/255 of their range, 0 … 255; 0:
                                estimated from each frame */
    int32_t reserved;        /* ignored; older structures ended here, in some bytes of padding */
    float white;             /* of YUV, the R'G'B' that is 1 to network and curve, more than 0 … 1. Of PQ video, that of the
                                brightest light of the mastering display, 0.7518 for 1000 cd/m2: nothing becomes brighter */
    int32_t reserved2;       /* ignored, as `reserved` */
    int32_t precision;       /* a dce_precision */
} dce_options;

typedef struct dce_model_info {
    size_t size;                /* sizeof(dce_model_info), set by the caller */
    int32_t architecture;       /* a dce_architecture */
    int32_t map_channels;       /* 3 or 24 */
    int32_t scale;              /* in effect on this handle */
    int32_t iterations;         /* DCE_ITERATIONS */
    int32_t parameters;         /* weights and biases of the network; 0 where an engine keeps them to itself */
} dce_model_info;

/* Where the time of the last dce_enhance went, in nanoseconds. Stages are work by one thread, averaged over the threads that
 * shared the frame; what is missing from total_ns is preparation and waiting for the slowest thread. Conversions between YUV
 * and RGB, and of 16-bit values, are a part of the stages that read and write the pixels. */
typedef struct dce_timings {
    size_t size;            /* sizeof(dce_timings), set by the caller */
    int64_t total_ns;       /* of the whole call */
    int64_t convert_ns;     /* reordering of channels where the two interleaved formats differ */
    int64_t downsample_ns;  /* image to the input of the network */
    int64_t network_ns;     /* network, or dce_engine, and the smoothing of its map */
    int64_t curve_ns;       /* map to full size, and the curve; also the pass that measures brightness for smoothing */
    int64_t denoise_ns;     /* the passes that look for noise and that take it away */
} dce_timings;

typedef struct dce_enhancer dce_enhancer;

/* DCE_ABI_VERSION of the library that is loaded. */
DCE_API int32_t dce_abi_version(void);

/* Version of the library that is loaded, "1.2.3". */
DCE_API const char *dce_version(void);

/* Fills in the defaults: shipped weights, built-in engine, all processors, the model's scale, strength 1,
 * white 1, every frame on its own. */
#define dce_options_init(options) dce_options_init_size((options), sizeof(dce_options))

/* The same for a structure of `size` bytes, as the caller's header has it: nothing beyond is touched, and what this library
 * does not know is zero. */
DCE_API void dce_options_init_size(dce_options *options, size_t size);

/* Opens a model. `options` may be null for the defaults. On failure *handle still receives a handle whose only use is
 * dce_error_message and dce_close, or null where there was no memory for it or `handle` itself is null. */
DCE_API dce_status dce_open(const dce_options *options, dce_enhancer **handle);

/* Frees a handle, at once or at the end of the call that is at work on it; null is allowed. See "Threads". */
DCE_API void dce_close(dce_enhancer *handle);

/* A sentence about the last failure on this handle ("" after none), valid until the next call on it. While another thread
 * uses the handle, the text of DCE_ERROR_BUSY. With a null handle: the sentence for a dce_open that found no memory. */
DCE_API const char *dce_error_message(const dce_enhancer *handle);

/* What a status means, in a few words without a full stop: constant, for any value, from any thread. */
DCE_API const char *dce_status_text(dce_status status);

/* The instruction set that a handle computes with: "scalar", on x86-64 "avx2", "avxvnni", "avx512" or "avx512vnni", on 64-bit
 * Arm "neon" or "neondot", on 32-bit Arm "neon32". Constant while the handle is open; "" where dce_open failed, or for null. */
DCE_API const char *dce_kernels(const dce_enhancer *handle);

/* The instruction sets that this processor has and the library has kernels for, best first, separated by spaces: what the
 * environment variable DCELITE_ISA may name when a handle is opened. Writes a string of at most `size` bytes to `names`, which
 * may be null where `size` is 0, and returns the length of the whole list. */
DCE_API size_t dce_list_kernels(char *names, size_t size);

/* Processors that the calling process may use, 1 to 64: those that its affinity and, on Linux, the CPU quotas of its control
 * groups allow. As many threads a handle has that is opened with `threads` 0. */
DCE_API int32_t dce_processors(void);

/* Describes the model that is open. */
DCE_API dce_status dce_get_model_info(dce_enhancer *handle, dce_model_info *info);

/* Enhances `source` into `destination`, of the same width and height. Their formats may be
 *   any two of RGB8, BGR8, RGBA8 and BGRA8 (alpha becomes 255 where the source has none);
 *   any two of RGB16 and RGBA16 (alpha becomes 65535 where the source has none);
 *   any two of NV12, NV21 and I420, or of P010 and I010, with the same matrix;
 *   one of NV12, NV21, I420, P010 and I010, and one of RGB8, BGR8, RGBA8 and BGRA8, for display.
 * The destination may be the source itself: equal planes and strides, RGB of as many bytes a pixel, YUV of the same format
 * and chroma_step. Other overlaps are refused.
 *
 * Video: with `smoothing` or `map_interval` set, the handle takes its calls as the frames of one video and keeps the curve
 * map from frame to frame (and with it the downsampled frame: memory for (3 + map channels) floats for each of their
 * pixels). A frame's map is smoothing x the map so far + (1 - smoothing) x its own estimate, and the map is then scaled by a
 * factor of 0.8 … 1.25 that holds the mean brightness of the result to the same kind of average, since a part of the
 * flicker does not come from the map: this takes a second pass over the frame. The history begins anew with the first
 * frame, with a change of size, with a scene cut, and with dce_reset: such a frame is enhanced as if it were alone.
 *
 * Noise: a curve multiplies it, by up to 8 and more in the dark. With `denoise`, it is taken away before the curve, and values
 * stay wider than 8 bits up to the curve: x becomes x - denoise t (x - m), m being the mean of a window around it, and t the
 * share e / (v + e) of the window's variance v that e, a multiple of the variance of the noise at that brightness, explains
 * (the local linear minimum mean square error of Lee, PAMI 1980; coefficients on a coarser grid as in He and Sun, "Fast
 * Guided Filter", 2015). Windows are 6 x 6 pixels for (R + G + B) / 3, 12 x 12 for what the channels differ from it. The
 * noise is estimated from the frame by brightness, from the flattest tenth of its blocks of 32 x 16 pixels, no stronger
 * than in the colors, which texture hardly reaches. Frames without such a block, or without noise, are left but for the
 * steps of their 8 bits. Takes 1.5 bytes of memory a pixel, and about as long again.
 *
 * With `temporal_denoise`, calls are frames of a video, too, and each becomes the mean of itself and of those before, weighted
 * like a Kalman filter weights them, in cells of 4 x 4 pixels; where a cell, or a pixel, changes by more than noise does, it
 * begins anew. Keeps the frame, 6 bytes a pixel. The exported graphs of other formats have none of both. */
DCE_API dce_status dce_enhance(dce_enhancer *handle, const dce_image *source, const dce_image *destination);

/* Changes `strength`, `smoothing`, `denoise`, `temporal_denoise` or `white` of dce_options for the frames that follow.
 * Smoothing and temporal_denoise begin a new video where they were off, another white than before always does. Values out of
 * their range change nothing. */
DCE_API dce_status dce_set_strength(dce_enhancer *handle, float strength);
DCE_API dce_status dce_set_smoothing(dce_enhancer *handle, float smoothing);
DCE_API dce_status dce_set_denoise(dce_enhancer *handle, float denoise);
DCE_API dce_status dce_set_temporal_denoise(dce_enhancer *handle, float temporal_denoise);
DCE_API dce_status dce_set_white(dce_enhancer *handle, float white);

/* The times of the last dce_enhance; zeros before the first. DCE_ERROR_INVALID_ARGUMENT on a handle that was opened without
 * `timings`, since to read the clock costs some time too. */
DCE_API dce_status dce_get_timings(dce_enhancer *handle, dce_timings *timings);

/* Forgets the frames so far: the next one begins a new video. */
DCE_API dce_status dce_reset(dce_enhancer *handle);

/* Size of the curve map for an image of width x height: *map_width = ceil(width / scale), *map_height = ceil(height /
 * scale), *channels = 3 or 24. */
DCE_API dce_status dce_curve_map_size(dce_enhancer *handle, int32_t width, int32_t height, int32_t *map_width,
                                      int32_t *map_height, int32_t *channels);

/* Computes the curve map of `source` alone, whatever frames came before, and before `strength`: float32, interleaved
 * (map_height, map_width, channels), in (-1, 1); `map_floats` is the number of floats that fit at `map`, at least the
 * product of the three. */
DCE_API dce_status dce_curve_map(dce_enhancer *handle, const dce_image *source, float *map, size_t map_floats);

#ifdef __cplusplus
}
#endif

#endif /* DCELITE_H */
