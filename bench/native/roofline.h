/* roofline.h - what the processor can do at most: the measure that `dcelite bench` holds the runtime against.
 *
 * Every function may be called from any thread. Rates are those of one core, the best of many short bursts, so that other
 * work on the machine lowers them little.
 */
#ifndef DCELITE_BENCH_ROOFLINE_H
#define DCELITE_BENCH_ROOFLINE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#  define DCE_BENCH_API __declspec(dllexport)
#elif defined(__GNUC__)
#  define DCE_BENCH_API __attribute__((visibility("default")))
#else
#  define DCE_BENCH_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Multiply-adds a second in 32-bit floats with an instruction set ("scalar": what the compiler may assume of every processor
 * of this architecture, and the other sets of the core library), measured for `seconds`. -1 where the processor has no such
 * instructions. */
DCE_BENCH_API double dce_bench_multiply_adds(const char *isa, double seconds);

/* Bytes read and written a second by copying more than the caches of an edge processor hold (64 MiB), measured for `seconds`.
 * -1 where there is no memory for it. */
DCE_BENCH_API double dce_bench_copied_bytes(double seconds);

/* Seconds that a fixed piece of work takes now, the shortest time within 4 ms: what the times of frames are divided by before
 * those of two runs are compared, so that another clock frequency, or neighbours on the machine, are not taken for another
 * program; shared by several threads, it also says whether each has a core of its own. The work is of the kinds that a frame
 * takes: multiply-adds with the instruction set, and memory read and written, row by row; `threads` threads (1 to 64) share it.
 * -1 where the processor has no such instructions, or threads cannot be started. Not from two threads at once. */
DCE_BENCH_API double dce_bench_probe(const char *isa, int32_t threads);

/* Draws a dark, noisy picture, a pure function of its size: RGB, rows without gaps. */
DCE_BENCH_API void dce_bench_scene(uint8_t *pixels, int32_t width, int32_t height);

/* 1 where the process runs under an emulator of user programs (qemu-aarch64 and the like), else 0. */
DCE_BENCH_API int32_t dce_bench_is_emulated(void);

#ifdef __cplusplus
}
#endif

#endif
