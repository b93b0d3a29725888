// NEON with the dot products of Armv8.2, which the compiler's options allow here.
#include "dsp/isa_neon.h"
