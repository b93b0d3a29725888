#include "network/network.h"

namespace dce {

bool CurveNetwork::start(const Dsp &dsp, const Model &model, const Scene &scene, int width, int height, int begin,
                         RowSource source) {
    is_int8_ = model.is_int8;
    return is_int8_ ? int8_.start(dsp, model, scene, width, height, begin, source)
                    : floats_.start(dsp, model, scene, width, height, begin, source);
}

void CurveNetwork::take_from(const CurveNetwork *below) {
    floats_.take_from(below ? &below->floats_ : nullptr);
    int8_.take_from(below ? &below->int8_ : nullptr);
}

void CurveNetwork::next(float *map) { is_int8_ ? int8_.next(map) : floats_.next(map); }

}  // namespace dce
