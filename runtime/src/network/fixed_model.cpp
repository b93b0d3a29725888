#include "network/fixed_model.h"

#include <math.h>
#include <string.h>

#include "network/calibration.h"
#include "network/shape.h"

namespace dce {
namespace {

constexpr double kHeadroom = 1.25;
constexpr double kLargest = 32767.0;
constexpr double kLargestSum = 1.49 * (1 << 30);  // of products
constexpr double kLargestLongBias = 0.5 * (1 << 30);  // with what rounds: as much as an output can show
constexpr int kLargestShift = 14, kLeastShift = 6;
constexpr double kEnough = 2048.0;   // of a weight
constexpr double kLeastDepth = 0.1;  // of the range of depthwise values
constexpr double kLargestShortBias = 0.5 * kLargest;
constexpr double kMostRounding = 8.0;      // steps that nine products and a bias are off by, with some to spare
constexpr double kLeastShare = 1.0 / 256;  // of its layer's range, that a channel is taken to have
constexpr double kLeastRange = 1.0 / 1024;
constexpr double kSmallest = 1e-30;
constexpr double kNegligible = 0.5;  // steps of an output, that all channels left out may change it by
constexpr double kMapSteps = 16384;  // to 1 of the map, for that

double smaller(double a, double b) { return a < b ? a : b; }
double larger(double a, double b) { return a > b ? a : b; }
int16_t nearest(double value) { return static_cast<int16_t>(lrint(larger(smaller(value, kLargest), -kLargest))); }

// A depthwise value: its steps to the unit, and between which values it lies, for any picture.
struct Depth {
    double steps, low, high;
};

struct Plan {
    Depth depth[kLayers][2 * kFilters];
    double steps[kLayers][kFilters];       // of the outputs of layer i + 1, to the unit
    int shift[kLayers];                    // of sums, for outputs
    bool needed[kLayers][kFilters];        // outputs
    bool left_out[kLayers][2 * kFilters];  // depthwise values
};

// The layer, from 0 on, whose output channel c of the inputs of layer i is.
int source_of(int i, int c) { return kSources[i][c / kFilters] - 1; }

void choose_steps(const float *ranges, double *steps) {
    double most = kLeastRange;
    for (int c = 0; c < kFilters; ++c) most = larger(most, static_cast<double>(ranges[c]));
    for (int c = 0; c < kFilters; ++c)
        steps[c] = kLargest / (kHeadroom * larger(static_cast<double>(ranges[c]), most * kLeastShare));
}

void plan_depth(const Layer &layer, int i, double largest, Plan *plan) {
    for (int c = 0; c < layer.inputs; ++c) {
        const double steps = plan->steps[source_of(i, c)][c % kFilters], most = kLargest / steps;
        double low = static_cast<double>(layer.depth_bias[c]), high = low, weight = kLeastRange;
        for (int tap = 0; tap < kTaps; ++tap) {
            const double value = static_cast<double>(layer.depth[tap * layer.inputs + c]);
            (value > 0.0 ? high : low) += value * most;
            weight = larger(weight, fabs(value));
        }
        const double reach = larger(larger(high, -low), kLeastRange * most);
        const double fits = (largest - kMostRounding) / reach;
        plan->depth[i][c] = {smaller(fits, steps * kLargest / 32768.0 / weight), low, high};
    }
}

// Of an output: what the sum of the products can reach, for any picture; and the largest weight, for a step of what it multiplies.
struct Reach {
    double sum, weight;
};

Reach reach_of(const Plan &plan, const Layer &layer, int i, int o) {
    double low = 0.0, high = 0.0, largest = kSmallest;
    for (int c = 0; c < layer.inputs; ++c) {
        const Depth &depth = plan.depth[i][c];
        const double weight = static_cast<double>(layer.weight[c * layer.padded_outputs() + o]);
        const double rounding = kMostRounding / depth.steps;
        const double a = weight * (depth.low - rounding), b = weight * (depth.high + rounding);
        low += smaller(smaller(a, b), 0.0);
        high += larger(larger(a, b), 0.0);
        largest = larger(largest, fabs(weight) / depth.steps);
    }
    return {larger(larger(high, -low), kSmallest), largest};
}

// Sums of 16 bits: the outputs' own steps, or half as many where sums can reach further on the way.
void plan_short_point(const Layer &layer, int i, Plan *plan) {
    for (int o = 0; o < layer.outputs; ++o) {
        const Reach reach = reach_of(*plan, layer, i, o);
        double &steps = plan->steps[i][o];
        steps = larger(smaller(steps, kLargest / reach.sum), 0.5 * steps);
        steps = smaller(steps, kLargest / 32768.0 / reach.weight);
        steps = smaller(steps, kLargestShortBias / larger(fabs(static_cast<double>(layer.bias[o])), kSmallest));
    }
    plan->shift[i] = 15;
}

// Sums of 32 bits, none of which overflows: as large a scale as leaves the outputs their steps, or, in layer 7, as there is.
// Returns the largest weight of an output, on average.
double plan_point(const Layer &layer, int i, Plan *plan) {
    const bool last = i == kLayers - 1;
    double scales[kFilters], weights[kFilters], sum = 0.0;
    int shift = last ? 0 : kLargestShift;
    for (int o = 0; o < layer.outputs; ++o) {
        const Reach reach = reach_of(*plan, layer, i, o);
        const double bias = larger(fabs(static_cast<double>(layer.bias[o])), kSmallest);
        weights[o] = reach.weight;
        scales[o] = smaller(kLargest / reach.weight, smaller(kLargestLongBias / bias, kLargestSum / reach.sum));
        while (shift > kLeastShift && scales[o] < plan->steps[i][o] * (1 << shift)) --shift;
    }
    for (int o = 0; o < layer.outputs; ++o) {
        plan->steps[i][o] = smaller(plan->steps[i][o], scales[o] / (1 << shift));
        sum += weights[o] * plan->steps[i][o] * (1 << shift);
    }
    plan->shift[i] = shift;
    return sum / layer.outputs;
}

// Sums that fit into 32 bits have so many for depthwise values and weights together. Rounding is worse for weights, where it is
// the same for every pixel: where they would get too few, depthwise values are content with less of their 16 bits.
void plan_layer(const Layer &layer, int i, bool short_sums, Plan *plan) {
    double steps[kFilters];
    memcpy(steps, plan->steps[i], sizeof steps);
    for (double largest = kLargest; largest > kLargest * kLeastDepth; largest *= 0.5) {
        memcpy(plan->steps[i], steps, sizeof steps);
        plan_depth(layer, i, largest, plan);
        if (short_sums) return plan_short_point(layer, i, plan);
        if (plan_point(layer, i, plan) >= kEnough) return;
    }
}

// Which depthwise values matter to the outputs that are needed, and hence which outputs of earlier layers are.
void plan_needed(const Layer &layer, int i, Plan *plan) {
    const bool last = i == kLayers - 1;
    for (int c = 0; c < layer.inputs; ++c) {
        double effect = 0.0;  // in steps
        for (int o = 0; o < layer.outputs; ++o)
            if (last || plan->needed[i][o])
                effect = larger(effect, fabs(static_cast<double>(layer.weight[c * layer.padded_outputs() + o])) *
                                            (last ? kMapSteps : plan->steps[i][o]));
        effect *= plan->depth[i][c].high - plan->depth[i][c].low;
        plan->left_out[i][c] = effect * layer.inputs < kNegligible;
        if (!plan->left_out[i][c]) plan->needed[source_of(i, c)][c % kFilters] = true;
    }
}

// Needed outputs first.
void order_outputs(const bool *needed, FixedLayer *fixed) {
    int place = 0;
    for (int c = 0; c < kFilters; ++c)
        if (needed[c]) fixed->order[place++] = static_cast<uint8_t>(c);
    fixed->kept = place;
    for (int c = 0; c < kFilters; ++c)
        if (!needed[c]) fixed->order[place++] = static_cast<uint8_t>(c);
}

// The inputs of layer i, by place: `source` 0 or 1, the place among the outputs there.
int input_at(const FixedLayer *layers, int i, int source, int place) {
    return source * kFilters + layers[kSources[i][source] - 1].order[place];
}

void count_used(const Plan &plan, const FixedLayer *layers, int i, int block, FixedLayer *fixed) {
    for (int source = 0; source < fixed->inputs / kFilters; ++source)
        for (int place = 0; place < kFilters; ++place)
            if (!plan.left_out[i][input_at(layers, i, source, place)]) fixed->used[source] = place / block * block + block;
}

void fix_depth(const Plan &plan, const Layer &layer, const FixedLayer *layers, int i, FixedLayer *fixed) {
    for (int to = 0; to < layer.inputs; ++to) {
        const int from = input_at(layers, i, to / kFilters, to % kFilters);
        const double steps = plan.depth[i][from].steps, input_steps = plan.steps[source_of(i, from)][from % kFilters];
        for (int tap = 0; tap < kTaps; ++tap)
            fixed->depth[tap * layer.inputs + to] =
                nearest(static_cast<double>(layer.depth[tap * layer.inputs + from]) * 32768.0 * steps / input_steps);
        fixed->depth_bias[to] = nearest(static_cast<double>(layer.depth_bias[from]) * steps);
    }
}

void fix_point(const Plan &plan, const Layer &layer, const FixedLayer *layers, int i, const FixedKernels &kernels,
               FixedLayer *fixed) {
    const bool last = i == kLayers - 1, short_sums = kernels.sums_are_short && !last;
    const double unit = 1 << plan.shift[i];
    const int padded = layer.padded_outputs();
    fixed->shift = plan.shift[i];
    fixed->half = short_sums || last ? 0 : 1 << (fixed->shift - 1);
    fixed->largest_bias = static_cast<int32_t>(short_sums ? kLargest : kLargestLongBias) - fixed->half;
    for (int o = 0; o < layer.outputs; ++o) {
        const int output = last ? o : fixed->order[o];
        const double steps = plan.steps[i][output];
        double constant = 0.0;
        int row = 0;
        for (int to = 0; to < layer.inputs; ++to) {
            const int from = input_at(layers, i, to / kFilters, to % kFilters);
            const double weight = static_cast<double>(layer.weight[from * padded + output]);
            const Depth &depth = plan.depth[i][from];
            if (to % kFilters >= fixed->used[to / kFilters]) {
                constant += weight * 0.5 * (depth.low + depth.high);
                continue;
            }
            const int index = kernels.sums_are_short ? row * padded + o : (row / 2 * padded + o) * 2 + row % 2;
            fixed->point[index] = nearest(weight / depth.steps * unit * steps);
            ++row;
        }
        fixed->scale[o] = static_cast<float>(short_sums ? steps : unit * steps);
        fixed->constant[o] = constant;
        fixed->bias[o] = fixed->bias_of(o, static_cast<double>(layer.bias[output]));
    }
}

double share_of_products(const FixedLayer *layers) {
    int left = 0, all = 0;
    for (int i = 1; i < kLayers; ++i) {
        const int outputs = i == kLayers - 1 ? layers[i].outputs : layers[i].kept;
        left += (layers[i].used[0] + layers[i].used[1]) * outputs;
        all += layers[i].inputs * layers[i].outputs;
    }
    return static_cast<double>(left) / all;
}

// Layer 1, whose outputs are narrowed, in the order that the others want.
void fix_first(const Plan &plan, float *memory, Model *model) {
    const Layer &layer = model->layers[0];
    FixedLayer &fixed = model->fixed_layers[0];
    float *const bias = memory + layer.inputs * kFilters;
    for (int o = 0; o < kFilters; ++o) {
        const int output = fixed.order[o];
        for (int c = 0; c < layer.inputs; ++c) memory[c * kFilters + o] = layer.weight[c * kFilters + output];
        bias[o] = layer.bias[output];
        fixed.scale[o] = static_cast<float>(plan.steps[0][output]);
    }
    model->fixed_first = layer;
    model->fixed_first.weight = memory;
    model->fixed_first.bias = bias;
}

}  // namespace

bool has_fixed_kernels(const Dsp &dsp, const Model &model) {
    return dsp.convolution_fixed->hidden_row && model.is_separable() && !model.is_int8;
}

bool fix_model(const Dsp &dsp, Model *model) {
    OutputRanges ranges;
    Buffer<Plan> plans;
    const Layer *layers = model->layers;
    if (!model->fixed_layers.reserve(kLayers) || !model->fixed_floats.reserve(size_t{4} * kFilters) || !plans.reserve(1) ||
        !measure_outputs(dsp, *model, &ranges))
        return false;
    Plan &plan = plans[0];
    memset(plans.data(), 0, sizeof plan);
    const bool short_sums = dsp.convolution_fixed->sums_are_short;
    for (int i = 0; i < kLayers; ++i) {
        if (i < kLayers - 1)
            choose_steps(ranges[i], plan.steps[i]);
        else
            for (double &steps : plan.steps[i]) steps = 1.0 / kSmallest;
        if (i == 0) continue;
        plan_layer(layers[i], i, short_sums && i < kLayers - 1, &plan);
    }
    for (int i = kLayers - 1; i > 0; --i) plan_needed(layers[i], i, &plan);
    FixedLayer *fixed = model->fixed_layers.data();
    for (int i = 0; i < kLayers; ++i) {
        fixed[i] = FixedLayer();
        static_cast<LayerShape &>(fixed[i]) = layers[i];
        order_outputs(plan.needed[i], &fixed[i]);
        if (i == 0) continue;
        count_used(plan, fixed, i, dsp.convolution_fixed->input_block, &fixed[i]);
        fix_depth(plan, layers[i], fixed, i, &fixed[i]);
        fix_point(plan, layers[i], fixed, i, *dsp.convolution_fixed, &fixed[i]);
    }
    fix_first(plan, model->fixed_floats.data(), model);
    model->is_fixed = share_of_products(fixed) <= dsp.convolution_fixed->worth;
    return true;
}

}  // namespace dce
