// SIMD128 with the multiply-adds of relaxed SIMD, which the compiler's options allow here.
#include "dsp/isa_simd128.h"
