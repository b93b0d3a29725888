#include "frame/image.h"

namespace dce {
namespace {

struct Format {
    const char *name;
    Kind kind;
    PixelLayout layout;  // of interleaved formats
    int planes;
    int shift = 0;  // of words of YUV
};

constexpr Format kFormats[] = {
    {"RGB8", Kind::kInterleaved8, {3, {0, 1, 2}}, 1},   {"BGR8", Kind::kInterleaved8, {3, {2, 1, 0}}, 1},
    {"RGBA8", Kind::kInterleaved8, {4, {0, 1, 2}}, 1},  {"BGRA8", Kind::kInterleaved8, {4, {2, 1, 0}}, 1},
    {"RGB16", Kind::kInterleaved16, {3, {0, 1, 2}}, 1}, {"NV12", Kind::kYuv8, {}, 2},
    {"NV21", Kind::kYuv8, {}, 2},                       {"I420", Kind::kYuv8, {}, 3},
    {"RGBA16", Kind::kInterleaved16, {4, {0, 1, 2}}, 1},
    {"P010", Kind::kYuv10, {}, 2, 6},                   {"I010", Kind::kYuv10, {}, 3},
};
constexpr int kFormatCount = sizeof kFormats / sizeof *kFormats;

const Format &format_of(const dce_image &image) { return kFormats[image.format]; }

bool has_words(const dce_image &image) {
    return format_of(image).kind == Kind::kInterleaved16 || format_of(image).kind == Kind::kYuv10;
}

// In samples.
int chroma_step(const dce_image &image) {
    return format_of(image).planes == 2 ? 2 : image.format == DCE_I420 && image.chroma_step ? image.chroma_step : 1;
}

int plane_height(const dce_image &image, int plane) { return plane == 0 ? image.height : (image.height + 1) / 2; }

// From the first to the last byte of a row.
ptrdiff_t row_bytes(const dce_image &image, int plane) {
    const Format &format = format_of(image);
    const ptrdiff_t chroma_width = (image.width + 1) / 2;
    ptrdiff_t values = image.width;
    if (plane > 0)
        values = format.planes == 2 ? 2 * chroma_width : (chroma_width - 1) * chroma_step(image) + 1;
    else if (!is_yuv(format.kind))
        values *= format.layout.channels;
    return values * (has_words(image) ? 2 : 1);
}

dce_status check_plane(const dce_image &image, int plane, const char *name, Error *error) {
    if (!image.plane[plane])
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: plane[%d] is null, %s has %d", name, plane, format_of(image).name,
                          format_of(image).planes);
    const ptrdiff_t row = row_bytes(image, plane), stride = image.stride[plane];
    if (plane_height(image, plane) > 1 && stride > -row && stride < row)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: plane[%d]: stride %td bytes, at least %td were wanted", name, plane,
                          stride, row);
    const ptrdiff_t step = stride < 0 ? -(stride + 1) : stride;  // without overflow, one byte less for those that run upwards
    ptrdiff_t extent;
    if (__builtin_mul_overflow(step, plane_height(image, plane) - 1, &extent) || extent > PTRDIFF_MAX - row - DCE_MAX_DIMENSION)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: plane[%d]: %d rows with a stride of %td bytes, no more than fit in "
                          "memory were wanted", name, plane, plane_height(image, plane), stride);
    if (has_words(image) &&
        (reinterpret_cast<uintptr_t>(image.plane[plane]) % 2 != 0 || (plane_height(image, plane) > 1 && stride % 2 != 0)))
        return error->set(DCE_ERROR_INVALID_ARGUMENT,
                          "%s: plane[%d]: address %p with a stride of %td bytes, even ones were wanted for %s", name, plane,
                          image.plane[plane], stride, format_of(image).name);
    return DCE_OK;
}

bool same_planes(const dce_image &a, const dce_image &b) {
    for (int i = 0; i < format_of(a).planes; ++i)
        if (a.plane[i] != b.plane[i] || a.stride[i] != b.stride[i]) return false;
    return true;
}

bool same_memory_layout(const dce_image &a, const dce_image &b) {
    if (format_of(a).kind != format_of(b).kind || !same_planes(a, b)) return false;
    return is_yuv(format_of(a).kind) ? a.format == b.format && chroma_step(a) == chroma_step(b)
                                     : layout_of(a).channels == layout_of(b).channels;
}

// The bytes of a plane: in each of `rows` rows, which are `stride` bytes apart, those at 0, step, 2 * step … last.
struct Bytes {
    uintptr_t first;  // of the row with the lowest address
    uintptr_t stride;
    int rows;
    uintptr_t step, last;

    uintptr_t row(int i) const { return first + stride * static_cast<uintptr_t>(i); }
    uintptr_t end() const { return row(rows - 1) + last; }
};

Bytes bytes_of(const dce_image &image, int plane) {
    const int rows = plane_height(image, plane);
    const uintptr_t top = reinterpret_cast<uintptr_t>(image.plane[plane]);
    const uintptr_t stride = static_cast<uintptr_t>(image.stride[plane]);
    const bool upside_down = image.stride[plane] < 0;
    const bool chroma_of_i420 = plane > 0 && image.format == DCE_I420;
    return {upside_down ? top + stride * static_cast<uintptr_t>(rows - 1) : top, upside_down ? 0 - stride : stride, rows,
            chroma_of_i420 ? static_cast<uintptr_t>(chroma_step(image)) : 1,
            static_cast<uintptr_t>(row_bytes(image, plane)) - 1};
}

// Whether a byte belongs to both rows, which begin at `row_a` and `row_b`: one of the first b.step bytes of a that lie behind
// row_b, since these come round to the same remainder then.
bool rows_overlap(const Bytes &a, uintptr_t row_a, const Bytes &b, uintptr_t row_b) {
    const uintptr_t end = row_a + a.last < row_b + b.last ? row_a + a.last : row_b + b.last;
    uintptr_t byte = row_a;
    if (row_a < row_b) byte += (row_b - row_a + a.step - 1) / a.step * a.step;
    for (uintptr_t i = 0; i < b.step && byte <= end; ++i, byte += a.step)
        if ((byte - row_b) % b.step == 0) return true;
    return false;
}

// Whether a byte belongs to both planes. Rows of one plane do not overlap: so both are walked once, side by side.
bool planes_overlap(const Bytes &a, const Bytes &b) {
    if (a.end() < b.first || b.end() < a.first) return false;
    for (int i = 0, k = 0; i < a.rows && k < b.rows;) {
        if (rows_overlap(a, a.row(i), b, b.row(k))) return true;
        if (a.row(i) + a.last < b.row(k) + b.last)
            ++i;
        else
            ++k;
    }
    return false;
}

// Rows are written while others of the source are still to be read, and a byte that belongs to two planes of the destination
// cannot hold a sample of each. Planes of the source may share bytes: they are only read.
dce_status check_overlaps(const dce_image &source, const dce_image &destination, Error *error) {
    const bool in_place = same_memory_layout(source, destination);
    for (int i = 0; i < format_of(destination).planes; ++i) {
        const Bytes written = bytes_of(destination, i);
        for (int k = 0; k < format_of(source).planes && !in_place; ++k)
            if (planes_overlap(written, bytes_of(source, k)))
                return error->set(DCE_ERROR_INVALID_ARGUMENT,
                                  "destination: plane[%d] overlaps plane[%d] of the source; in place, the planes, the strides "
                                  "and the bytes a pixel of the source were wanted",
                                  i, k);
        for (int k = 0; k < i; ++k)
            if (planes_overlap(written, bytes_of(destination, k)))
                return error->set(DCE_ERROR_INVALID_ARGUMENT,
                                  "destination: plane[%d] overlaps plane[%d], memory of its own was wanted for each", i, k);
    }
    return DCE_OK;
}

bool is_convertible(Kind from, Kind to) { return from == to || (is_yuv(from) && to == Kind::kInterleaved8); }

const char *results_of(Kind source) {
    switch (source) {
        case Kind::kInterleaved8: return "RGB8, BGR8, RGBA8 or BGRA8";
        case Kind::kInterleaved16: return "RGB16 or RGBA16";
        case Kind::kYuv8: return "NV12, NV21, I420, RGB8, BGR8, RGBA8 or BGRA8";
        case Kind::kYuv10: break;
    }
    return "P010, I010, RGB8, BGR8, RGBA8 or BGRA8";
}

}  // namespace

Kind kind_of(const dce_image &image) { return format_of(image).kind; }

PixelLayout layout_of(const dce_image &image) { return format_of(image).layout; }

Samples samples_of(const dce_image &image) { return {has_words(image), format_of(image).shift}; }

YuvRow yuv_row_of(const dce_image &image, int y) {
    uint8_t *first = plane_row(image, 1, y / 2);
    const Samples samples = samples_of(image);
    YuvRow row = {row_of(image, y), first, first + samples.bytes(), chroma_step(image), samples};
    if (image.format == DCE_NV21) {
        row.u = first + 1;
        row.v = first;
    } else if (format_of(image).planes == 3) {
        row.v = plane_row(image, 2, y / 2);
    }
    return row;
}

dce_status check_image(const dce_image *image, const char *name, Error *error) {
    if (!image) return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: is null", name);
    if (image->format < 0 || image->format >= kFormatCount)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: format %d, 0 to %d was wanted", name, image->format,
                          kFormatCount - 1);
    if (image->width < 1 || image->width > DCE_MAX_DIMENSION || image->height < 1 || image->height > DCE_MAX_DIMENSION)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: size %d x %d, 1 to %d each way was wanted", name, image->width,
                          image->height, DCE_MAX_DIMENSION);
    if (is_yuv(kind_of(*image)) && (image->matrix < 0 || image->matrix > DCE_BT2020_FULL))
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: matrix %d, 0 to %d was wanted", name, image->matrix,
                          static_cast<int>(DCE_BT2020_FULL));
    if (image->format == DCE_I420 && (image->chroma_step < 0 || image->chroma_step > DCE_MAX_CHROMA_STEP))
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "%s: chroma_step %d, 0 to %d was wanted", name, image->chroma_step,
                          DCE_MAX_CHROMA_STEP);
    for (int plane = 0; plane < format_of(*image).planes; ++plane) {
        const dce_status status = check_plane(*image, plane, name, error);
        if (status != DCE_OK) return status;
    }
    return DCE_OK;
}

dce_status check_pair(const dce_image &source, const dce_image &destination, Error *error) {
    if (source.width != destination.width || source.height != destination.height)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "destination: size %d x %d, that of the source, %d x %d, was wanted",
                          destination.width, destination.height, source.width, source.height);
    if (!is_convertible(kind_of(source), kind_of(destination)))
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "destination: format %s, %s was wanted for a source of %s",
                          format_of(destination).name, results_of(kind_of(source)), format_of(source).name);
    if (is_yuv(kind_of(destination)) && source.matrix != destination.matrix)
        return error->set(DCE_ERROR_INVALID_ARGUMENT, "destination: matrix %d, that of the source, %d, was wanted",
                          destination.matrix, source.matrix);
    return check_overlaps(source, destination, error);
}

}  // namespace dce
