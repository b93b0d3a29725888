import java.nio.ByteBuffer;
import java.util.Random;
import org.dcelite.demo.core.YuvPlanes;

/** Camera frames of every layout, and what is in them. */
final class Planes {
    /** The largest that the library takes. */
    static final int MAX_PIXEL_STRIDE = 16;

    final YuvPlanes planes;
    final int width;
    final int height;
    private final byte[][] samples;  // y, u, v; rows without gaps

    /** @param interwoven U and V share memory, one byte apart, as in most phones */
    Planes(Random random, int width, int height, int pixelStride, int padding, boolean interwoven) {
        this.width = width;
        this.height = height;
        final int columns = (width + 1) / 2;
        final int rows = (height + 1) / 2;
        samples = new byte[][] {new byte[width * height], new byte[columns * rows], new byte[columns * rows]};
        for (byte[] plane : samples) {
            random.nextBytes(plane);
        }
        final int yStride = width + padding;
        final int chromaRow = (columns - 1) * pixelStride + 1;
        final int chromaStride = chromaRow + padding + (interwoven ? 1 : 0);
        final ByteBuffer y = plane(samples[0], width, height, yStride, 1, random.nextInt(3));
        ByteBuffer u = plane(samples[1], columns, rows, chromaStride, pixelStride, random.nextInt(3));
        ByteBuffer v = plane(samples[2], columns, rows, chromaStride, pixelStride, 0);
        if (interwoven) {
            final ByteBuffer both = ByteBuffer.allocateDirect((rows - 1) * chromaStride + chromaRow + 1);
            u = both.duplicate();
            u.limit(both.capacity() - 1);
            v = both.duplicate();
            v.position(1);
            fill(u, samples[1], columns, rows, chromaStride, pixelStride);
            fill(v, samples[2], columns, rows, chromaStride, pixelStride);
        }
        planes = new YuvPlanes(y, yStride, u, v, chromaStride, pixelStride, width, height);
    }

    // The buffer ends with the last sample.
    private static ByteBuffer plane(byte[] samples, int columns, int rows, int stride, int step, int offset) {
        final ByteBuffer buffer = ByteBuffer.allocateDirect(offset + (rows - 1) * stride + (columns - 1) * step + 1);
        buffer.position(offset);
        fill(buffer, samples, columns, rows, stride, step);
        return buffer;
    }

    private static void fill(ByteBuffer buffer, byte[] samples, int columns, int rows, int stride, int step) {
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                buffer.put(buffer.position() + row * stride + column * step, samples[row * columns + column]);
            }
        }
    }

    /** Y, U and V of a pixel. */
    int[] at(int x, int y) {
        final int chroma = y / 2 * ((width + 1) / 2) + x / 2;
        return new int[] {samples[0][y * width + x] & 0xFF, samples[1][chroma] & 0xFF, samples[2][chroma] & 0xFF};
    }

    /** The same, read from planes. */
    static int[] read(YuvPlanes planes, int x, int y) {
        return new int[] {
            planes.y.get(planes.y.position() + y * planes.yRowStride + x) & 0xFF,
            planes.u.get(planes.u.position() + y / 2 * planes.uvRowStride + x / 2 * planes.pixelStride) & 0xFF,
            planes.v.get(planes.v.position() + y / 2 * planes.uvRowStride + x / 2 * planes.pixelStride) & 0xFF
        };
    }
}
