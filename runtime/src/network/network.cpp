#include "network/network.h"

namespace dce {

bool CurveNetwork::start(const Dsp &dsp, const Model &model, const Scene &scene, int width, int height, int begin,
                         RowSource source) {
    if (model.is_int8) {
        int8_.set(dsp, model, scene, width);
        return stream_.start(int8_, height, begin, source);
    }
    if (model.is_fixed) {
        fixed_.set(dsp, model, scene, width);
        return stream_.start(fixed_, height, begin, source);
    }
    floats_.set(dsp, model, scene, width);
    return stream_.start(floats_, height, begin, source);
}

}  // namespace dce
