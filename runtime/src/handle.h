// What stands behind a dce_enhancer, and how one call at a time holds it.
#ifndef DCELITE_HANDLE_H
#define DCELITE_HANDLE_H

#include "frame/pipeline.h"

struct dce_enhancer {
    dce::Error error;
    // Read and written atomically: the generation of the process whose call holds the handle, 0 while none does. Another number
    // than today's is that of a call in the parent of this process, by a thread that does not exist here. kClosing is added by
    // a dce_close that found a call at work, which then frees the handle when it ends.
    uint64_t holder = 0;
    bool open = false;
    dce_options options = {};  // with the strength and smoothing of today
    const dce::Dsp *dsp = nullptr;
    dce::Model model;
    dce_engine engine = {};
    dce::ThreadPool pool;
    alignas(dce::Pipeline) unsigned char pipeline_memory[sizeof(dce::Pipeline)];

    dce::Pipeline &pipeline() { return *reinterpret_cast<dce::Pipeline *>(pipeline_memory); }
    const dce_engine *engine_or_null() const { return engine.run ? &engine : nullptr; }

    void make_pipeline();  // not on the stack of the caller: it is large
};

namespace dce {

constexpr uint64_t kClosing = uint64_t{1} << 32;

void free_handle(dce_enhancer *handle, bool with_pipeline);

// Holds a handle for the duration of a call.
class Call {
public:
    explicit Call(dce_enhancer *handle);
    ~Call();
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;

    // DCE_OK, or why the call cannot go on. A busy handle's message belongs to the call that holds it.
    dce_status status() const;

private:
    bool take(uint64_t generation, uint64_t *holder);

    dce_enhancer *handle_;
    bool taken_ = false;
};

}  // namespace dce

#endif
