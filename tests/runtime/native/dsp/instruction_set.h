// A test of kernels takes the name of an instruction set, so that the log of the tests has a line for each. What this
// processor cannot run, the program runs by starting itself in an emulator; where that cannot either, ctest lists the test
// as skipped, and the program has printed why.
#ifndef DCELITE_TESTS_INSTRUCTION_SET_H
#define DCELITE_TESTS_INSTRUCTION_SET_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dsp/dsp.h"

constexpr int kSkipped = 77;  // SKIP_RETURN_CODE in CMakeLists.txt
constexpr const char *kEmulated = "DCELITE_TEST_IS_EMULATED";

#if defined(__x86_64__)
constexpr const char *kEmulator = "qemu-x86_64-static";
#elif defined(__aarch64__)
constexpr const char *kEmulator = "qemu-aarch64-static";
#elif defined(__arm__)
constexpr const char *kEmulator = "qemu-arm-static";
#else
constexpr const char *kEmulator = "no emulator";
#endif

inline bool is_emulated() { return getenv(kEmulated) != nullptr; }

[[noreturn]] inline void skip(const char *name, const char *reason) {
    printf("SKIPPED %s: %s\n", name, reason);
    exit(kSkipped);
}

// Starts this program again, with its arguments, on an emulated processor; does not return.
[[noreturn]] inline void start_emulated(const char *processor, const char *name, char **argv) {
    char *command[16] = {const_cast<char *>(kEmulator), const_cast<char *>("-cpu"), const_cast<char *>(processor)};
    for (int i = 0; argv[i] && i < 12; ++i) command[3 + i] = argv[i];
    setenv(kEmulated, "1", 1);
    execvp(kEmulator, command);
    const char *required = getenv("DCELITE_REQUIRE_ALL");
    if (required && strcmp(required, "1") == 0) {
        fprintf(stderr, "required here, but %s is absent: apt-get install qemu-user-static\n", kEmulator);
        exit(1);
    }
    skip(name, "there is no emulator: apt-get install qemu-user-static");
}

// What to do about a set that this processor lacks.
[[noreturn]] inline void test_elsewhere(char **argv) {
    const char *name = argv[1];
#if defined(DCELITE_SANITIZED)
    skip(name, "this processor does not have it, and the emulator cannot run sanitizers");
#endif
    if (is_emulated()) skip(name, "this processor does not have it and no emulator here does");
    start_emulated("max", name, argv);
}

#if defined(DCELITE_TEST_AVXVNNI_IN_AVX512)
namespace dce::avxvnni_in_avx512 {
extern const Int8Kernels kConvolutionInt8;  // avxvnni_in_avx512.cpp
}
#endif

// The set that the program was given by name; behind it may stand a processor that is to be emulated.
inline const dce::Dsp &dsp_of_arguments(int argc, char **argv) {
    if (argc == 3 && !is_emulated()) start_emulated(argv[2], argv[1], argv);
#if defined(DCELITE_TEST_AVXVNNI_IN_AVX512)
    static dce::Dsp in_avx512 = *dce::all_dsp().last;
    in_avx512.name = "avxvnni_in_avx512";
    in_avx512.needs = dce::kAvx512 | dce::kAvx512Vnni;
    in_avx512.convolution_int8 = &dce::avxvnni_in_avx512::kConvolutionInt8;
    if (argc == 2 && strcmp(argv[1], in_avx512.name) == 0) {
        if (!in_avx512.runs_here()) test_elsewhere(argv);
        return in_avx512;
    }
#endif
    for (const dce::Dsp &dsp : dce::all_dsp())
        if ((argc == 2 || argc == 3) && strcmp(dsp.name, argv[1]) == 0) {
            if (!dsp.runs_here()) test_elsewhere(argv);
            return dsp;
        }
    fprintf(stderr, "usage: %s SET [PROCESSOR], with one of", argv[0]);
    for (const dce::Dsp &dsp : dce::all_dsp()) fprintf(stderr, " %s", dsp.name);
    fprintf(stderr, "\n");
    exit(2);
}

#endif
