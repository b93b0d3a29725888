// The kernels of an instruction set against their specification: random and extreme inputs, every width from 1 to 200, rows
// that start at any address, and buffers that end where the next page cannot be touched.
//
//     kernels_test SET [PROCESSOR]     # where this processor lacks the set, or another one is named, in an emulator
//     kernels_test --bench             # all sets that run here, and nanoseconds a pixel of each kernel
#include "dsp/kernels_test.h"

unsigned g_random = 1;
bool g_is_timed = false;

namespace {

constexpr int kMostKernels = 48, kMostSets = 8;
const char *g_kernels[kMostKernels];
double g_times[kMostKernels][kMostSets];
int g_set = 0;

void test_kernels(const dce::Dsp &dsp) {
    test_convolution(dsp);
    test_convolution_int8(dsp);
    test_convolution_fixed(dsp);
    test_curve_bytes(dsp);
    test_curve_fixed(dsp);
    test_curve_floats(dsp);
    test_denoise(dsp);
}

int print_times() {
    printf("%-28s", "ns/pixel");
    for (const dce::Dsp &dsp : dce::all_dsp())
        if (dsp.runs_here()) printf("%12s", dsp.name);
    printf("\n");
    for (int k = 0; k < kMostKernels && g_kernels[k]; ++k) {
        printf("%-28s", g_kernels[k]);
        for (int set = 0; set < g_set; ++set) printf("%12.3f", g_times[k][set]);
        printf("\n");
    }
    return 0;
}

}  // namespace

void note_time(const char *kernel, double nanoseconds) {
    int k = 0;
    while (k < kMostKernels && g_kernels[k] && strcmp(g_kernels[k], kernel) != 0) ++k;
    CHECK(k < kMostKernels && g_set < kMostSets);
    g_kernels[k] = kernel;
    g_times[k][g_set] = nanoseconds;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--bench") == 0) {
        g_is_timed = true;
        for (const dce::Dsp &dsp : dce::all_dsp()) {
            if (!dsp.runs_here()) continue;
            test_kernels(dsp);
            ++g_set;
        }
        return print_times();
    }
    test_kernels(dsp_of_arguments(argc, argv));
    return 0;
}
