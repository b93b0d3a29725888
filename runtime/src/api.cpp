// The C ABI over the pipeline: checks what the caller passes.
#include <stdlib.h>
#include <string.h>

#include "handle.h"
#include "network/fixed_model.h"

namespace {

using dce::Call;
using dce::Error;

constexpr size_t kLargestStructure = 4096;  // bytes; a size above it is one that nobody has set

dce_status check_share(float value, const char *name, Error *error) {
    if (value >= 0.0f && value <= 1.0f) return DCE_OK;
    return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: %g, 0 to 1 was wanted", name, static_cast<double>(value));
}

dce_status check_smoothing(float value, const char *name, Error *error) {
    if (value >= 0.0f && value < 1.0f) return DCE_OK;
    return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: %g, 0 (off) to less than 1 was wanted", name, static_cast<double>(value));
}

dce_status check_white(float value, const char *name, Error *error) {
    if (value > 0.0f && value <= 1.0f) return DCE_OK;
    return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: %g, more than 0 to 1 was wanted", name, static_cast<double>(value));
}

// Changes an option of an open handle.
dce_status set(dce_enhancer *handle, float value, const char *name, dce_status (*check)(float, const char *, Error *),
               float dce_options::*option, void (dce::Pipeline::*apply)(float)) {
    const Call call(handle);
    dce_status status = call.status();
    if (status == DCE_OK) status = check(value, name, &handle->error);
    if (status != DCE_OK) return status;
    handle->options.*option = value;
    (handle->pipeline().*apply)(value);
    return DCE_OK;
}

dce_status check_options(const dce_options &options, Error *error) {
    if (options.threads < 0 || options.threads > dce::kMaxThreads)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "threads: %d, 0 (all processors) to %d was wanted", options.threads,
                          dce::kMaxThreads);
    if (options.scale < 0 || options.scale > DCE_MAX_SCALE)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "scale: %d, 0 (the model's own) to %d was wanted", options.scale,
                          DCE_MAX_SCALE);
    if (check_share(options.strength, "strength", error) != DCE_OK || check_smoothing(options.smoothing, "smoothing", error) != DCE_OK ||
        check_share(options.denoise, "denoise", error) != DCE_OK ||
        check_share(options.temporal_denoise, "temporal_denoise", error) != DCE_OK ||
        check_white(options.white, "white", error) != DCE_OK)
        return DCE_ERROR_INVALID_ARGUMENT;
    if (!(options.noise_level >= 0.0f && options.noise_level <= 255.0f))
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "noise_level: %g, 0 (estimated) to 255 was wanted",
                          static_cast<double>(options.noise_level));
    if (options.map_interval < 1)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "map_interval: %d, 1 (every frame) or more was wanted",
                          options.map_interval);
    if (options.precision != DCE_EXACT && options.precision != DCE_FAST)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "precision: %d, %d (exact) or %d (fast) was wanted", options.precision,
                          DCE_EXACT, DCE_FAST);
    if ((options.model_path != nullptr) + (options.model_data != nullptr) + (options.engine != nullptr) > 1)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "more than one of model_path, model_data and engine is set");
    return DCE_OK;
}

// A caller's structure that begins with its size, as far as it reaches: a program compiled against an older header passes a
// shorter one than today's, whose missing fields are zero, and against a newer one a longer one. False: not even the fields
// up to `smallest` bytes, which the first version had, are there.
template <typename Structure>
bool copy_in(const Structure *given, size_t smallest, Structure *copy) {
    if (given->size < smallest) return false;
    memcpy(copy, given, given->size < sizeof *copy ? given->size : sizeof *copy);
    return true;
}

// The same the other way: fills what the caller's structure has room for, and fields of a newer header with zeros.
template <typename Structure>
dce_status copy_out(const Structure &values, Structure *result, const char *name, Error *error) {
    if (!result) return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: is null", name);
    const size_t size = result->size;
    if (size < sizeof size || size > kLargestStructure)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: size %zu, %zu (sizeof the structure) was wanted", name, size,
                          sizeof values);
    memset(result, 0, size);
    memcpy(result, &values, size < sizeof values ? size : sizeof values);
    result->size = size;
    return DCE_OK;
}

dce_status copy_engine(const dce_engine *given, dce_engine *copy, Error *error) {
    dce_engine engine = {};
    constexpr size_t smallest = sizeof engine;
    if (!copy_in(given, smallest, &engine))
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "engine: size %zu, at least %zu was wanted", given->size, smallest);
    if (!engine.run) return error->set(DCE_ERROR_INVALID_ARGUMENT, "engine: run is null");
    if (engine.map_channels != 3 && engine.map_channels != 3 * DCE_ITERATIONS)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "engine: %d map channels, 3 or %d were wanted", engine.map_channels,
                          3 * DCE_ITERATIONS);
    if (engine.scale < 1 || engine.scale > DCE_MAX_SCALE)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "engine: scale %d, 1 to %d was wanted", engine.scale, DCE_MAX_SCALE);
    *copy = engine;
    return DCE_OK;
}

dce_status load_model(const dce_options &options, dce::Model *model, Error *error) {
    if (options.model_path) return dce::read_model_file(options.model_path, model, error);
    if (options.model_data)
        return dce::read_model(static_cast<const uint8_t *>(options.model_data), options.model_data_size, "model_data",
                               model, error);
    return dce::read_model(dce::kDefaultModel, dce::kDefaultModelSize, "shipped weights", model, error);
}

dce_status copy_options(const dce_options *given, dce_options *options, Error *error) {
    dce_options_init(options);
    if (!given) return DCE_OK;
    constexpr size_t smallest = offsetof(dce_options, strength) + sizeof(float);
    if (!copy_in(given, smallest, options))
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "options: size %zu, at least %zu was wanted (dce_options_init sets it)",
                          given->size, smallest);
    return DCE_OK;
}

dce_status open(const dce_options *given, dce_enhancer *handle) {
    Error *error = &handle->error;
    dce_options &options = handle->options;
    dce_status status = copy_options(given, &options, error);
    if (status == DCE_OK) status = check_options(options, error);
    dce_engine engine = {};
    if (status == DCE_OK)
        status = options.engine ? copy_engine(options.engine, &engine, error) : load_model(options, &handle->model, error);
    if (status != DCE_OK) return status;

    const char *isa = dce::variable("DCELITE_ISA");
    handle->dsp = dce::choose_dsp(isa && *isa ? isa : nullptr);
    if (!handle->dsp) {
        char available[128];
        dce::list_dsp(available, sizeof available);
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "DCELITE_ISA: '%s', one of %s was wanted on this processor", isa,
                          available);
    }

    if (options.precision == DCE_FAST && !options.engine && dce::has_fixed_kernels(*handle->dsp, handle->model) &&
        !dce::fix_model(*handle->dsp, &handle->model))
        return error->set(DCE_ERROR_OUT_OF_MEMORY, "no memory for the weights in fixed point");
    handle->pool.start(options.threads ? options.threads : dce::available_processors());
    options.model_path = nullptr;  // the caller's, like the other two
    options.model_data = nullptr;
    options.engine = nullptr;
    handle->engine = engine;
    handle->make_pipeline();
    handle->open = true;
    return DCE_OK;
}

}  // namespace

extern "C" {

int32_t dce_abi_version(void) { return DCE_ABI_VERSION; }

const char *dce_version(void) { return DCELITE_VERSION; }

void dce_options_init_size(dce_options *options, size_t size) {
    if (!options) return;
    dce_options defaults;
    memset(&defaults, 0, sizeof defaults);
    defaults.size = size;
    defaults.strength = 1.0f;
    defaults.map_interval = 1;
    defaults.white = 1.0f;
    memset(options, 0, size);  // what newer versions have added is off
    memcpy(options, &defaults, size < sizeof defaults ? size : sizeof defaults);
}

dce_status dce_open(const dce_options *options, dce_enhancer **handle) {
    if (!handle) return DCE_ERROR_INVALID_ARGUMENT;
    *handle = static_cast<dce_enhancer *>(malloc(sizeof(dce_enhancer)));
    if (!*handle) return DCE_ERROR_OUT_OF_MEMORY;
    new (dce::At{*handle}) dce_enhancer;
    return open(options, *handle);
}

void dce_close(dce_enhancer *handle) {
    if (!handle) return;
    const uint64_t holder = __atomic_fetch_or(&handle->holder, dce::kClosing, __ATOMIC_ACQ_REL);
    if (holder == handle->pool.generation()) return;  // the call that is at work will
    // A call that the parent of this process was in the middle of leaves a pipeline whose memory cannot be freed.
    dce::free_handle(handle, holder == 0);
}

const char *dce_error_message(const dce_enhancer *handle) {
    if (!handle) return "no memory for a handle";
    // The message of a handle that is in use is another call's to write.
    return __atomic_load_n(&handle->holder, __ATOMIC_ACQUIRE) == 0 ? handle->error.message : dce_status_text(DCE_ERROR_BUSY);
}

const char *dce_status_text(dce_status status) {
    switch (status) {
        case DCE_OK: return "no failure";
        case DCE_ERROR_INVALID_ARGUMENT: return "an argument is null, or out of its range";
        case DCE_ERROR_OUT_OF_MEMORY: return "an allocation failed";
        case DCE_ERROR_FILE: return "the model file cannot be opened or read";
        case DCE_ERROR_MODEL: return "the model is damaged, of another kind, or of a newer version";
        case DCE_ERROR_ENGINE: return "the engine failed";
        case DCE_ERROR_BUSY: return "the handle is in use by another call";
    }
    return "an unknown status";
}

const char *dce_kernels(const dce_enhancer *handle) {
    return handle && handle->open ? handle->dsp->name : "";
}

size_t dce_list_kernels(char *names, size_t size) { return dce::list_dsp(names, names ? size : 0); }

int32_t dce_processors(void) { return dce::available_processors(); }

dce_status dce_get_model_info(dce_enhancer *handle, dce_model_info *info) {
    const Call call(handle);
    if (call.status() != DCE_OK) return call.status();
    Error *error = &handle->error;
    const bool engine = handle->engine_or_null() != nullptr;
    dce_model_info values = {};
    values.architecture = engine ? DCE_ARCHITECTURE_ENGINE : handle->model.architecture;
    values.map_channels = handle->pipeline().map_channels();
    values.scale = handle->pipeline().scale();
    values.iterations = DCE_ITERATIONS;
    values.parameters = engine ? 0 : handle->model.parameters;
    return copy_out(values, info, "info", error);
}

dce_status dce_enhance(dce_enhancer *handle, const dce_image *source, const dce_image *destination) {
    const Call call(handle);
    dce_status status = call.status();
    if (status != DCE_OK) return status;
    Error *error = &handle->error;
    status = dce::check_image(source, "source", error);
    if (status == DCE_OK) status = dce::check_image(destination, "destination", error);
    if (status == DCE_OK) status = dce::check_pair(*source, *destination, error);
    return status == DCE_OK ? handle->pipeline().enhance(*source, *destination, error) : status;
}

dce_status dce_set_strength(dce_enhancer *handle, float strength) {
    return set(handle, strength, "strength", check_share, &dce_options::strength, &dce::Pipeline::set_strength);
}

dce_status dce_set_smoothing(dce_enhancer *handle, float smoothing) {
    return set(handle, smoothing, "smoothing", check_smoothing, &dce_options::smoothing, &dce::Pipeline::set_smoothing);
}

dce_status dce_set_denoise(dce_enhancer *handle, float denoise) {
    return set(handle, denoise, "denoise", check_share, &dce_options::denoise, &dce::Pipeline::set_denoise);
}

dce_status dce_set_temporal_denoise(dce_enhancer *handle, float temporal_denoise) {
    return set(handle, temporal_denoise, "temporal_denoise", check_share, &dce_options::temporal_denoise,
               &dce::Pipeline::set_temporal_denoise);
}

dce_status dce_set_white(dce_enhancer *handle, float white) {
    return set(handle, white, "white", check_white, &dce_options::white, &dce::Pipeline::set_white);
}

dce_status dce_get_timings(dce_enhancer *handle, dce_timings *timings) {
    const Call call(handle);
    if (call.status() != DCE_OK) return call.status();
    Error *error = &handle->error;
    dce_timings values = {};
    if (!handle->pipeline().timings(&values))
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "timings: are kept where dce_options asks for them");
    return copy_out(values, timings, "timings", error);
}

dce_status dce_reset(dce_enhancer *handle) {
    const Call call(handle);
    if (call.status() == DCE_OK) handle->pipeline().reset();
    return call.status();
}

dce_status dce_curve_map_size(dce_enhancer *handle, int32_t width, int32_t height, int32_t *map_width, int32_t *map_height,
                              int32_t *channels) {
    const Call call(handle);
    if (call.status() != DCE_OK) return call.status();
    Error *error = &handle->error;
    if (!map_width || !map_height || !channels)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "map_width, map_height or channels is null");
    if (width < 1 || width > DCE_MAX_DIMENSION || height < 1 || height > DCE_MAX_DIMENSION)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "size %d x %d, 1 to %d each way was wanted", width, height,
                          DCE_MAX_DIMENSION);
    *map_width = dce::low_resolution(width, handle->pipeline().scale());
    *map_height = dce::low_resolution(height, handle->pipeline().scale());
    *channels = handle->pipeline().map_channels();
    return DCE_OK;
}

dce_status dce_curve_map(dce_enhancer *handle, const dce_image *source, float *map, size_t map_floats) {
    const Call call(handle);
    dce_status status = call.status();
    if (status != DCE_OK) return status;
    Error *error = &handle->error;
    status = dce::check_image(source, "source", error);
    if (status != DCE_OK) return status;
    if (!map) return error->set(DCE_ERROR_INVALID_ARGUMENT, "map: is null");
    const dce::Pipeline &pipeline = handle->pipeline();
    const uint64_t wanted = static_cast<uint64_t>(dce::low_resolution(source->width, pipeline.scale())) *
                            static_cast<uint64_t>(dce::low_resolution(source->height, pipeline.scale())) *
                            static_cast<uint64_t>(pipeline.map_channels());  // more than 32 bits, at worst
    if (map_floats < wanted)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "map: room for %zu floats, %llu were wanted", map_floats,
                          static_cast<unsigned long long>(wanted));
    return handle->pipeline().curve_map(*source, map, error);
}

}  // extern "C"
