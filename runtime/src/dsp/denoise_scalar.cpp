// The specification of DenoiseKernels, for what every processor of an architecture has (on 64-bit Arm that includes NEON).
#define DCE_SET scalar
#include "dsp/denoise_vector.h"
