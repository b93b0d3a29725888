#include "dsp/resize.h"

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

Expansion upsample_row(int size, int low, Run *runs) {
    int count = 0;
    for (int x = 0; x < size; ++x) {
        const Sample sample = upsample_at(x, size, low);
        if (count == 0 || runs[count - 1].first != sample.first)
            runs[count++] = {x, x, sample.first, sample.second, sample.weight};
        runs[count - 1].end = x + 1;
    }
    return {runs, count, size, size > 1 ? static_cast<float>(low - 1) / static_cast<float>(size - 1) : 0.0f};
}

}  // namespace dce
