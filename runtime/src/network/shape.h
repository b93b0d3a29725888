// The curve network as a graph of rows: which rows a layer reads, and how long they are needed.
#ifndef DCELITE_NETWORK_SHAPE_H
#define DCELITE_NETWORK_SHAPE_H

#include "model/model.h"

namespace dce {

// Rows of context that a row of the map needs above and below: one for each layer.
constexpr int kHalo = kLayers;

// Which earlier outputs a layer reads (0 is the image): the skip connections (3,4), (2,5), (1,6) of Zero-DCE, section 3.2.
constexpr int kSources[kLayers][2] = {{0, -1}, {1, -1}, {2, -1}, {3, -1}, {3, 4}, {2, 5}, {1, 6}};

// Rows of each output that are alive at once: from the oldest row that its last reader still needs to its newest one. When
// layer 7 computes row y, output k has come to row y + 7 - k, and the layer that reads output k last, j, needs rows from
// y + 7 - j - 1 on.
constexpr int kDepth[kLayers] = {3, 8, 6, 4, 3, 3, 3};

// Rows of each output, from its first one on, that a stream which begins further down keeps for the one that ends where it
// begins: what that one would compute a second time and its layers read. Output 7 is the map.
constexpr int kShared[kLayers + 1] = {
    0, kDepth[1] - 1, kDepth[2] - 1, kDepth[3] - 1, kDepth[4] - 1, kDepth[5] - 1, kDepth[6] - 1, 2};

// Gives row y of the downsampled image: (width, 3), 0 … 1. Rows are asked for in ascending order, each once.
struct RowSource {
    void (*read)(void *context, int y, float *row);
    void *context;
};

}  // namespace dce

#endif
