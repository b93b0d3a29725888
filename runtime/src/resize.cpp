#include "resize.h"

namespace dce {
namespace {

Sample sample_between(double source, int size) {
    if (source < 0.0) source = 0.0;
    if (source > size - 1) source = size - 1;
    const int first = static_cast<int>(source);
    const int second = first + 1 < size ? first + 1 : first;
    return {first, second, static_cast<float>(source - first)};
}

}  // namespace

Sample downsample_at(int i, int size, int low) {
    return sample_between((i + 0.5) * (static_cast<double>(size) / low) - 0.5, size);
}

Sample upsample_at(int i, int size, int low) {
    return sample_between(size > 1 ? i * (static_cast<double>(low - 1) / (size - 1)) : 0.0, low);
}

}  // namespace dce
