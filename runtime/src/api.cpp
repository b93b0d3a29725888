// The C ABI over the pipeline: checks what the caller passes, keeps one call at a time on a handle.
#include <string.h>

#include "pipeline.h"

struct dce_enhancer {
    dce::Error error;
    bool busy = false;  // read and written atomically
    bool open = false;
    dce::Model model;
    dce_engine engine = {};
    dce::ThreadPool pool;
    alignas(dce::Pipeline) unsigned char pipeline_memory[sizeof(dce::Pipeline)];

    dce::Pipeline &pipeline() { return *reinterpret_cast<dce::Pipeline *>(pipeline_memory); }
    const dce_engine *engine_or_null() const { return engine.run ? &engine : nullptr; }
};

namespace {

using dce::Error;

// Holds a handle for the duration of a call.
class Call {
public:
    explicit Call(dce_enhancer *handle) : handle_(handle) {
        if (handle) taken_ = !__atomic_exchange_n(&handle->busy, true, __ATOMIC_ACQUIRE);
        if (taken_) handle->error.message[0] = '\0';
    }
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;
    ~Call() {
        if (taken_) __atomic_store_n(&handle_->busy, false, __ATOMIC_RELEASE);
    }

    // DCE_OK, or why the call cannot go on. A busy handle's message belongs to the call that holds it.
    dce_status status() const {
        if (!handle_) return DCE_ERROR_INVALID_ARGUMENT;
        if (!taken_) return DCE_ERROR_BUSY;
        if (!handle_->open)
            return handle_->error.set(DCE_ERROR_INVALID_ARGUMENT, "this handle holds no model: dce_open failed");
        return DCE_OK;
    }

private:
    dce_enhancer *handle_;
    bool taken_ = false;
};

dce_status check_strength(float strength, Error *error) {
    if (strength >= 0.0f && strength <= 1.0f) return DCE_OK;
    return error->set(DCE_ERROR_INVALID_ARGUMENT, "strength: %g, 0 to 1 was wanted", static_cast<double>(strength));
}

dce_status check_smoothing(float smoothing, Error *error) {
    if (smoothing >= 0.0f && smoothing < 1.0f) return DCE_OK;
    return error->set(DCE_ERROR_INVALID_ARGUMENT, "smoothing: %g, 0 (off) to less than 1 was wanted",
                      static_cast<double>(smoothing));
}

dce_status check_options(const dce_options &options, Error *error) {
    if (options.threads < 0 || options.threads > dce::kMaxThreads)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "threads: %d, 0 (all processors) to %d was wanted", options.threads,
                          dce::kMaxThreads);
    if (options.scale < 0 || options.scale > DCE_MAX_SCALE)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "scale: %d, 0 (the model's own) to %d was wanted", options.scale,
                          DCE_MAX_SCALE);
    if (check_strength(options.strength, error) != DCE_OK || check_smoothing(options.smoothing, error) != DCE_OK)
        return DCE_ERROR_INVALID_ARGUMENT;
    if (options.map_interval < 1)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "map_interval: %d, 1 (every frame) or more was wanted",
                          options.map_interval);
    if ((options.model_path != nullptr) + (options.model_data != nullptr) + (options.engine != nullptr) > 1)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "more than one of model_path, model_data and engine is set");
    return DCE_OK;
}

dce_status check_engine(const dce_engine &engine, Error *error) {
    if (engine.size != sizeof engine)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "engine: size %zu, %zu was wanted", engine.size, sizeof engine);
    if (!engine.run) return error->set(DCE_ERROR_INVALID_ARGUMENT, "engine: run is null");
    if (engine.map_channels != 3 && engine.map_channels != 3 * DCE_ITERATIONS)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "engine: %d map channels, 3 or %d were wanted", engine.map_channels,
                          3 * DCE_ITERATIONS);
    if (engine.scale < 1 || engine.scale > DCE_MAX_SCALE)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "engine: scale %d, 1 to %d was wanted", engine.scale, DCE_MAX_SCALE);
    return DCE_OK;
}

dce_status load_model(const dce_options &options, dce::Model *model, Error *error) {
    if (options.model_path) return dce::read_model_file(options.model_path, model, error);
    if (options.model_data)
        return dce::read_model(static_cast<const uint8_t *>(options.model_data), options.model_data_size, "model_data",
                               model, error);
    return dce::read_model(dce::kDefaultModel, dce::kDefaultModelSize, "shipped weights", model, error);
}

// The caller's options, as far as they reach: a program compiled against an older header passes a shorter structure.
dce_status copy_options(const dce_options *given, dce_options *options, Error *error) {
    dce_options_init(options);
    if (!given) return DCE_OK;
    constexpr size_t smallest = offsetof(dce_options, strength) + sizeof(float);
    if (given->size < smallest)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "options: size %zu, at least %zu was wanted (dce_options_init sets it)",
                          given->size, smallest);
    memcpy(options, given, given->size < sizeof *options ? given->size : sizeof *options);
    return DCE_OK;
}

dce_status open(const dce_options *given, dce_enhancer *handle) {
    Error *error = &handle->error;
    dce_options options;
    dce_status status = copy_options(given, &options, error);
    if (status == DCE_OK) status = check_options(options, error);
    if (status == DCE_OK)
        status = options.engine ? check_engine(*options.engine, error) : load_model(options, &handle->model, error);
    if (status != DCE_OK) return status;

    char available[64];
    const char *requested;
    const dce::Kernels *kernels = dce::select_kernels(&requested, available, sizeof available);
    if (!kernels)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "DCELITE_ISA: '%s', one of %s was wanted on this processor",
                          requested, available);

    handle->pool.start(options.threads ? options.threads : dce::available_processors());
    if (options.engine) handle->engine = *options.engine;
    const int own_scale = options.engine ? options.engine->scale : handle->model.scale;
    new (dce::At{handle->pipeline_memory})
        dce::Pipeline(*kernels, handle->model, handle->engine_or_null(),
                      options.scale ? options.scale : own_scale, options, handle->pool);
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
    if (handle->open) handle->pipeline().~Pipeline();
    if (handle->engine.destroy) handle->engine.destroy(handle->engine.context);
    handle->~dce_enhancer();
    free(handle);
}

const char *dce_error_message(const dce_enhancer *handle) {
    return handle ? handle->error.message : "no memory for a handle";
}

dce_status dce_get_model_info(dce_enhancer *handle, dce_model_info *info) {
    const Call call(handle);
    if (call.status() != DCE_OK) return call.status();
    Error *error = &handle->error;
    if (!info) return error->set(DCE_ERROR_INVALID_ARGUMENT, "info: is null");
    if (info->size < sizeof *info)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "info: size %zu, %zu was wanted", info->size, sizeof *info);
    const bool engine = handle->engine_or_null() != nullptr;
    info->architecture = engine ? DCE_ARCHITECTURE_ENGINE : handle->model.architecture;
    info->map_channels = handle->pipeline().map_channels();
    info->scale = handle->pipeline().scale();
    info->iterations = DCE_ITERATIONS;
    info->parameters = engine ? 0 : handle->model.parameters;
    return DCE_OK;
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
    const Call call(handle);
    dce_status status = call.status();
    if (status == DCE_OK) status = check_strength(strength, &handle->error);
    if (status == DCE_OK) handle->pipeline().set_strength(strength);
    return status;
}

dce_status dce_set_smoothing(dce_enhancer *handle, float smoothing) {
    const Call call(handle);
    dce_status status = call.status();
    if (status == DCE_OK) status = check_smoothing(smoothing, &handle->error);
    if (status == DCE_OK) handle->pipeline().set_smoothing(smoothing);
    return status;
}

dce_status dce_get_timings(dce_enhancer *handle, dce_timings *timings) {
    const Call call(handle);
    if (call.status() != DCE_OK) return call.status();
    Error *error = &handle->error;
    if (!timings) return error->set(DCE_ERROR_INVALID_ARGUMENT, "timings: is null");
    if (timings->size < sizeof *timings)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "timings: size %zu, %zu was wanted", timings->size, sizeof *timings);
    if (!handle->pipeline().timings(timings))
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "timings: are kept where dce_options asks for them");
    return DCE_OK;
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
    const size_t wanted = static_cast<size_t>(dce::low_resolution(source->width, pipeline.scale())) *
                          dce::low_resolution(source->height, pipeline.scale()) * pipeline.map_channels();
    if (map_floats < wanted)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "map: room for %zu floats, %zu were wanted", map_floats, wanted);
    return handle->pipeline().curve_map(*source, map, error);
}

}  // extern "C"
