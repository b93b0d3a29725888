// The weights of Zero-DCE++ in 16-bit fixed point, made from those in floats when a handle is opened.
//
// A channel's steps are such that a quarter more than it reached on the pictures of calibration.h fits into 16 bits; beyond,
// outputs are clamped. No sum overflows, whatever the picture: what depthwise values and sums can reach follows from the
// weights.
//
// That also says how much a channel can change the outputs that read it. Those which cannot move any by a fraction of a step
// are replaced by a constant, in its bias, and what nothing reads is not computed: networks trained with weight decay have
// many.
#ifndef DCELITE_NETWORK_FIXED_MODEL_H
#define DCELITE_NETWORK_FIXED_MODEL_H

#include "dsp/dsp.h"
#include "model/model.h"

namespace dce {

// Whether the network of this model has kernels in fixed point.
bool has_fixed_kernels(const Dsp &dsp, const Model &model);

// Fills model->fixed_layers and fixed_first, of a model that has such kernels, and sets is_fixed where they are faster than
// those of floats. False: no memory.
bool fix_model(const Dsp &dsp, Model *model);

}  // namespace dce

#endif
