// The platform of WebAssembly: a clock that the host lends, and a single thread.
#include "platform.h"

namespace dce {

// performance.now(), in milliseconds.
__attribute__((import_module("host"), import_name("now"))) double host_now();

int available_processors() { return 1; }
int64_t now_ns() { return static_cast<int64_t>(host_now() * 1e6); }
void pause() {}
void yield() {}

void lock(Mutex *) {}
void unlock(Mutex *) {}
void destroy(Mutex *) {}
void wait(Condition *, Mutex *) {}
void wake_one(Condition *) {}
void wake_all(Condition *) {}
void destroy(Condition *) {}

bool start_thread(Thread *, ThreadFunction *, void *) { return false; }
void join(Thread) {}

Generation::Generation() = default;
Generation::~Generation() = default;
uint32_t Generation::now() { return 1; }

}  // namespace dce
