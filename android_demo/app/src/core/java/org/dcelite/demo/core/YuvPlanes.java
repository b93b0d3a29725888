package org.dcelite.demo.core;

import java.nio.ByteBuffer;

/**
 * The planes of a YUV 4:2:0 image as Android's cameras give them: each begins at the position of its buffer and ends by the
 * limit; chroma samples may be interwoven, and the last row of a plane may end with its last sample.
 */
public final class YuvPlanes {
    public final ByteBuffer y;
    public final ByteBuffer u;
    public final ByteBuffer v;
    public final int yRowStride;
    /** Android guarantees one for both planes of chroma, and one pixel stride. */
    public final int uvRowStride;
    /** Bytes from a chroma sample to the next one of its row. */
    public final int pixelStride;
    public final int width;
    public final int height;

    /** The library refuses planes that are not direct, or cannot hold an image of this size, when it is to read them. */
    public YuvPlanes(ByteBuffer y, int yRowStride, ByteBuffer u, ByteBuffer v, int uvRowStride, int pixelStride, int width,
            int height) {
        this.y = y;
        this.u = u;
        this.v = v;
        this.yRowStride = yRowStride;
        this.uvRowStride = uvRowStride;
        this.pixelStride = pixelStride;
        this.width = width;
        this.height = height;
    }

    /**
     * A rectangle of the image, in the same memory. Chroma belongs to blocks of 2 x 2 pixels, so the rectangle begins at
     * even coordinates; its size is free.
     */
    public YuvPlanes crop(int left, int top, int cropWidth, int cropHeight) {
        if (left < 0 || top < 0 || (left | top) % 2 != 0) {
            throw new IllegalArgumentException("corner: " + left + ", " + top + ", even and not negative was wanted");
        }
        if (cropWidth < 1 || cropHeight < 1 || cropWidth > width - left || cropHeight > height - top) {
            throw new IllegalArgumentException("crop: " + cropWidth + " x " + cropHeight + " at " + left + ", " + top
                    + " is not within " + width + " x " + height);
        }
        if (cropWidth == width && cropHeight == height) {
            return this;
        }
        final int chroma = top / 2 * uvRowStride + left / 2 * pixelStride;
        return new YuvPlanes(at(y, top * yRowStride + left), yRowStride, at(u, chroma), at(v, chroma), uvRowStride, pixelStride,
                cropWidth, cropHeight);
    }

    private static ByteBuffer at(ByteBuffer plane, int offset) {
        final ByteBuffer part = plane.duplicate();
        part.position(plane.position() + offset);
        return part;
    }
}
