#include "handle.h"

#include <stdlib.h>

void dce_enhancer::make_pipeline() {
    const int scale = options.scale ? options.scale : engine.run ? engine.scale : model.scale;
    new (dce::At{pipeline_memory}) dce::Pipeline(*dsp, model, engine_or_null(), scale, options, pool);
}

namespace dce {

void free_handle(dce_enhancer *handle, bool with_pipeline) {
    if (handle->open && with_pipeline) handle->pipeline().~Pipeline();
    if (handle->engine.destroy) handle->engine.destroy(handle->engine.context);
    handle->~dce_enhancer();
    free(handle);
}

bool Call::take(uint64_t generation, uint64_t *holder) {
    return __atomic_compare_exchange_n(&handle_->holder, holder, generation, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

Call::Call(dce_enhancer *handle) : handle_(handle) {
    if (!handle) return;
    const uint64_t generation = handle->pool.generation();
    uint64_t holder = 0;
    taken_ = take(generation, &holder);
    if (!taken_ && !(holder & kClosing) && holder != generation && take(generation, &holder)) {
        // The process was forked in the middle of a call of another thread. What that call was changing is in no defined
        // state: it is left where it is, its memory included, and made anew.
        taken_ = true;
        if (handle->open) handle->make_pipeline();
    }
    if (taken_) handle->error.message[0] = '\0';
}

Call::~Call() {
    if (taken_ && __atomic_exchange_n(&handle_->holder, 0, __ATOMIC_ACQ_REL) & kClosing)
        free_handle(handle_, true);
}

dce_status Call::status() const {
    if (!handle_) return DCE_ERROR_INVALID_ARGUMENT;
    if (!taken_) return DCE_ERROR_BUSY;
    if (!handle_->open)
        return handle_->error.set(DCE_ERROR_INVALID_ARGUMENT, "this handle holds no model: dce_open failed");
    return DCE_OK;
}

}  // namespace dce
