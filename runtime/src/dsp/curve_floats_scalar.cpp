// The specification of FloatCurveKernels and DenoiseKernels, for what every processor of an architecture has (on 64-bit Arm that includes NEON).
#define DCE_SET scalar
#include "dsp/curve_floats_vector.h"
