// From a frame to an enhanced frame: downsample, curve network, upsample, curve, by bands of rows in parallel.
//
// Every band streams: rows of the image feed the network, rows of the curve map that leave it are expanded to the image's
// width, and each output row lies between two of them. No image-sized intermediate exists. Bands compute the rows of context
// that they share twice, so that they need not wait for each other; the result does not depend on their number.
#ifndef DCELITE_PIPELINE_H
#define DCELITE_PIPELINE_H

#include "image.h"
#include "network.h"
#include "resize.h"
#include "thread_pool.h"

namespace dce {

class Pipeline {
public:
    // The model stays the caller's. `engine` is null for the built-in network.
    Pipeline(const Kernels &kernels, const Model &model, const dce_engine *engine, int scale, float strength,
             ThreadPool &pool);

    int scale() const { return scale_; }
    int map_channels() const { return engine_ ? engine_->map_channels : model_.map_channels; }

    // Both expect checked images. See dce_enhance and dce_curve_map.
    dce_status enhance(const dce_image &source, const dce_image &destination, Error *error);
    dce_status curve_map(const dce_image &source, float *map, Error *error);

private:
    // What one thread works on: a range of rows, and the memory for it, which stays from frame to frame.
    struct Band {
        Pipeline *pipeline;
        const dce_image *source;
        const dce_image *destination;  // null: the rows are those of the curve map
        int begin, end;                // rows of the destination, or of the map
        float *map;                    // null, or where the whole map goes
        NetworkStream network;
        Buffer<float> map_row;      // (low width, map channels)
        Buffer<float> expanded[2];  // of map rows with even and odd index: (distinct maps, width, image channels)
        // Rows of the network's input that lie in other bands, saved before those overwrite them in place: rows
        // saved_first … head_end - 1 and tail_begin … saved_end - 1, one after the other.
        int saved_first, head_end, tail_begin, saved_end;
        Buffer<float> saved;
    };

    dce_status prepare(const dce_image &source, Error *error);
    bool prepare_band(Band &band, bool overwriting);
    dce_status run_bands(const dce_image &source, const dce_image *destination, float *map, Error *error);
    dce_status run_engine(const dce_image &source, Error *error);

    void downsample(const dce_image &source, int y, float *row) const;
    static void read_row(void *band, int y, float *row);
    void save_context(Band &band) const;
    const float *next_map_row(Band &band, int y) const;
    void enhance_rows(Band &band) const;
    void map_rows(Band &band) const;

    const Kernels &kernels_;
    const Model &model_;
    const dce_engine *engine_;
    const int scale_;
    const float strength_;
    ThreadPool &pool_;

    int width_ = 0, height_ = 0;          // of the image
    int low_width_ = 0, low_height_ = 0;  // of the network's input and of the curve map
    Buffer<Sample> downsample_columns_;   // (low width)
    Buffer<Sample> upsample_columns_;     // (width)
    Buffer<float> engine_image_;          // (3, low height, low width)
    Buffer<float> engine_map_;            // (map channels, low height, low width)
    Band bands_[kMaxThreads];
};

}  // namespace dce

#endif
