#include "image.h"

namespace dce {
namespace {

constexpr PixelLayout kLayouts[] = {
    {3, {0, 1, 2}},  // DCE_RGB8
    {3, {2, 1, 0}},  // DCE_BGR8
    {4, {0, 1, 2}},  // DCE_RGBA8
    {4, {2, 1, 0}},  // DCE_BGRA8
};
constexpr int kFormats = sizeof kLayouts / sizeof *kLayouts;

}  // namespace

PixelLayout layout_of(const dce_image &image) { return kLayouts[image.format]; }

dce_status check_image(const dce_image *image, const char *name, Error *error) {
    if (!image) return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: is null", name);
    if (image->format < 0 || image->format >= kFormats)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: format %d, 0 to %d was wanted", name, image->format, kFormats - 1);
    if (image->width < 1 || image->width > DCE_MAX_DIMENSION || image->height < 1 || image->height > DCE_MAX_DIMENSION)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: size %d x %d, 1 to %d each way was wanted", name, image->width,
                          image->height, DCE_MAX_DIMENSION);
    if (!image->plane[0]) return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: plane[0] is null", name);
    const ptrdiff_t row = static_cast<ptrdiff_t>(image->width) * layout_of(*image).channels;
    if (image->height > 1 && image->stride[0] > -row && image->stride[0] < row)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: stride %td bytes, at least %td were wanted", name,
                          image->stride[0], row);
    return DCE_OK;
}

dce_status check_pair(const dce_image &source, const dce_image &destination, Error *error) {
    if (source.width != destination.width || source.height != destination.height)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "destination: size %d x %d, that of the source, %d x %d, was wanted",
                          destination.width, destination.height, source.width, source.height);
    if (source.plane[0] == destination.plane[0] && (layout_of(source).channels != layout_of(destination).channels ||
                                                    source.stride[0] != destination.stride[0]))
        return error->set(DCE_ERROR_INVALID_ARGUMENT,
                          "destination: in place, the stride and the bytes a pixel of the source were wanted");
    return DCE_OK;
}

void convert_row(const uint8_t *source, PixelLayout from, int width, PixelLayout to, uint8_t *destination) {
    for (int x = 0; x < width; ++x, source += from.channels, destination += to.channels) {
        const uint8_t red = source[from.position[0]];
        const uint8_t green = source[from.position[1]];
        const uint8_t blue = source[from.position[2]];
        const uint8_t alpha = from.channels == 4 ? source[3] : 255;
        destination[to.position[0]] = red;
        destination[to.position[1]] = green;
        destination[to.position[2]] = blue;
        if (to.channels == 4) destination[3] = alpha;
    }
}

}  // namespace dce
