// AVX2 with the dot products of four bytes that the compiler's options allow here.
#include "dsp/isa_avx2.h"
