// What the outputs of Zero-DCE++'s layers reach, measured on small pictures: flat ones of all kinds of light and color, a ramp,
// stripes, squares, noise.
#ifndef DCELITE_NETWORK_CALIBRATION_H
#define DCELITE_NETWORK_CALIBRATION_H

#include "dsp/dsp.h"
#include "model/model.h"

namespace dce {

// The largest output of each channel of layers 1 to 6.
typedef float OutputRanges[kLayers - 1][kFilters];

// Of a model in floats. False: no memory.
bool measure_outputs(const Dsp &dsp, const Model &model, OutputRanges *ranges);

}  // namespace dce

#endif
