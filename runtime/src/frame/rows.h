// A frame, and what is done to its rows of pixels: chosen once a frame, by the formats of its images.
#ifndef DCELITE_FRAME_ROWS_H
#define DCELITE_FRAME_ROWS_H

#include "frame/denoiser.h"
#include "frame/stopwatch.h"
#include "memory.h"

namespace dce {

struct Frame;

// The sizes of a frame and of its curve map, and where the resizes sample their rows.
struct FrameSize {
    int width = 0, height = 0;          // of the image
    int low_width = 0, low_height = 0;  // of the network's input and of the curve map
    Buffer<Sample> columns;             // (low width), of the downsampling
    Buffer<Run> runs;                   // of `expansion`
    Expansion expansion = {};
    Buffer<int16_t> weights;            // of the expansion in fixed point, for weight_channels
    int weight_channels = 0;

    // False: no memory.
    bool set(int new_width, int new_height, int scale);

    // What the curve on such a frame needs besides, after set. False: no memory.
    bool prepare_for(const Frame &frame);

    Sample downsampled(int y) const { return downsample_at(y, height, low_height); }
    Sample upsampled(int y) const { return upsample_at(y, height, low_height); }
};

struct RowFunctions;

struct Frame {
    // `destination` is null where nothing is written, `denoiser` where noise stays. `white`: see dce_options. `is_fast`: of
    // DCE_FAST, whose curve is in fixed point where there are kernels for the formats.
    Frame(const Dsp &dsp, const FrameSize &size, const dce_image &source, const dce_image *destination, Denoiser *denoiser,
          float white, bool is_fast);

    const Dsp &dsp;
    const FrameSize &size;
    const dce_image &source;
    const dce_image *destination;
    Denoiser *const denoiser;
    const RowFunctions &rows;
    PixelLayout layout;        // of the pixels that leave the curve
    int channels;              // values that the curve works on, a pixel
    YuvMatrix matrix;          // of a YUV source
    float weights[3];          // of red, green and blue in its brightness
    FixedMatrix fixed_matrix;  // the same, where the curve is in fixed point
    int weight_channels;       // there, values of a pixel that lie side by side in an expanded row
    float map_unit;            // of the expanded map: its values are times this
    bool rows_share_chroma;    // two by two
    bool splits_pixels;        // see ByteCurveKernels
};

// What rows need besides, on one thread.
struct RowMemory {
    Buffer<float> differences;  // (2, chroma width): see FloatCurveKernels
    Buffer<uint16_t> measured;  // a row of the enhanced image, bytes or words
    ShareStream shares;         // of noise, where it is taken away
    Buffer<int16_t> fixed_map;  // a row of the map in fixed point, before it is expanded
    StageTimes *times = nullptr;
};

struct RowFunctions {
    // Row y of the network's input, (low width, 3).
    void (*downsample)(const Frame &frame, int y, float *row);

    // A row of the map, times `strength`, for the curve: map_channels / 3 times `channels` of the frame for each pixel.
    // Expanded rows are for the row functions alone to look into: floats, or values in fixed point, two in place of a float.
    void (*expand)(const Frame &frame, const float *map, int map_channels, float strength, RowMemory &memory,
                   float *expanded);

    // In fixed point: two expanded rows become their sum and their difference. Null: rows are taken as they are.
    void (*combine)(const Frame &frame, const float *above, const float *below, int map_channels, float *sum,
                    float *difference);

    // Row y of the destination. In place, too; rows that share their chroma in ascending order.
    void (*enhance)(const Frame &frame, int y, const MapRows &map, RowMemory &memory);

    // The sum of the values of row y, enhanced into its own format, without alpha; of the luma of YUV.
    uint64_t (*measure)(const Frame &frame, int y, const MapRows &map, RowMemory &memory);

    // The brightness, 0 … 1, of an image with such a sum a pixel.
    double (*brightness)(const Frame &frame, double mean);
};

}  // namespace dce

#endif
