// The kernels for AVX-VNNI with the same instructions as AVX-512 VNNI has them, which differ in their encoding alone: so that
// processors that have the one and not the other test the code of both.
#include <immintrin.h>

#define __AVXVNNI__ 1
#define _mm256_dpbusd_avx_epi32 _mm256_dpbusd_epi32
#define DCE_SET avxvnni_in_avx512
#include "dsp/isa_avxvnni.h"
#include "dsp/convolution_int8_vector.h"
