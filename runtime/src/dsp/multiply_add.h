// The multiply-add of the kernels that are written as plain loops.
#ifndef DCELITE_DSP_MULTIPLY_ADD_H
#define DCELITE_DSP_MULTIPLY_ADD_H

namespace dce {
namespace {  // each instruction set has its own: the linker must not take one for another's

// a b + c, rounded once, as the vector kernels do: from the same map, every instruction set then makes the same picture.
// Where the processor has no such instruction, the product of two floats is exact as a double; the sum is so as well, or
// its rounding is too small to change the float but in one of 2^29 cases.
inline float multiply_add(float a, float b, float c) {
#if defined(__wasm__)
    return a * b + c;  // twice, or, with relaxed SIMD, once where the processor can
#elif defined(__FMA__) || defined(__aarch64__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fmaf(a, b, c);
#else
    return static_cast<float>(static_cast<double>(a) * static_cast<double>(b) + static_cast<double>(c));
#endif
}

}  // namespace
}  // namespace dce

#endif
