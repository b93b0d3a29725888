// The weights of an int8 .dce file.
#ifndef DCELITE_MODEL_INT8_H
#define DCELITE_MODEL_INT8_H

#include "model.h"

namespace dce {

// Bytes behind the header, for a model whose layers have their shapes.
size_t int8_payload_size(const Model &model);

// Fills int8_layers. `bytes` has as many as int8_payload_size says.
dce_status read_int8_payload(const uint8_t *bytes, const char *name, Model *model, Error *error);

}  // namespace dce

#endif
