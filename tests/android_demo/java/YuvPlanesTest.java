import java.nio.ByteBuffer;
import java.util.Random;
import org.dcelite.demo.core.YuvPlanes;

public final class YuvPlanesTest {
    private final Random random = new Random(1);

    public void everyCropOfEveryLayout() {
        for (int pixelStride = 1; pixelStride <= YuvPlanes.MAX_PIXEL_STRIDE; pixelStride++) {
            for (int size = 0; size < 36; size++) {
                final int width = 1 + size % 6;
                final int height = 1 + size / 6;
                for (int padding : new int[] {0, 1, 13}) {
                    crops(new Planes(random, width, height, pixelStride, padding, false));
                    if (pixelStride > 1) {
                        crops(new Planes(random, width, height, pixelStride, padding, true));
                    }
                }
            }
        }
    }

    private static void crops(Planes image) {
        for (int top = 0; top < image.height; top += 2) {
            for (int left = 0; left < image.width; left += 2) {
                final int width = image.width - left - (image.width - left > 1 ? (left + top) % 2 : 0);
                final YuvPlanes part = image.planes.crop(left, top, width, image.height - top);
                for (int y = 0; y < part.height; y++) {
                    for (int x = 0; x < part.width; x++) {
                        Check.equal(image.at(left + x, top + y), Planes.read(part, x, y));
                    }
                }
            }
        }
    }

    public void aWholeCropIsTheImage() {
        final YuvPlanes planes = new Planes(random, 7, 5, 2, 3, true).planes;
        Check.that(planes.crop(0, 0, 7, 5) == planes, "another object");
    }

    public void refusesCropsBeyondTheImage() {
        final YuvPlanes planes = new Planes(random, 8, 6, 2, 0, false).planes;
        final int[][] bad = {{1, 0, 2, 2}, {0, 1, 2, 2}, {-2, 0, 2, 2}, {0, -2, 2, 2}, {0, 0, 9, 6}, {0, 0, 8, 7}, {4, 0, 5, 6},
            {0, 4, 8, 3}, {0, 0, 0, 6}, {0, 0, 8, 0}, {8, 0, 1, 1}, {2, 2, Integer.MAX_VALUE, 1}, {2, 2, 1, Integer.MAX_VALUE}};
        for (int[] crop : bad) {
            Check.raises(IllegalArgumentException.class, () -> planes.crop(crop[0], crop[1], crop[2], crop[3]));
        }
    }

    public void everyByteTooFewIsRefused() {
        // 5 x 3: rows of 5 luma, 3 chroma samples; 3 and 2 of them
        for (int step = 1; step <= 3; step++) {
            final int luma = 2 * 6 + 5;
            final int chroma = 10 + 2 * step + 1;
            final int pixelStride = step;
            make(luma, 6, chroma, chroma, 10, step, 5, 3);
            Check.raises(IllegalArgumentException.class, () -> make(luma - 1, 6, chroma, chroma, 10, pixelStride, 5, 3));
            Check.raises(IllegalArgumentException.class, () -> make(luma, 6, chroma - 1, chroma, 10, pixelStride, 5, 3));
            Check.raises(IllegalArgumentException.class, () -> make(luma, 6, chroma, chroma - 1, 10, pixelStride, 5, 3));
        }
    }

    public void refusesStridesAndSizes() {
        Check.raises(IllegalArgumentException.class, () -> make(1000, 4, 1000, 1000, 10, 1, 5, 3));
        Check.raises(IllegalArgumentException.class, () -> make(1000, 5, 1000, 1000, 4, 2, 5, 3));
        Check.raises(IllegalArgumentException.class, () -> make(1000, 5, 1000, 1000, 10, 0, 5, 3));
        Check.raises(IllegalArgumentException.class, () -> make(1000, 5, 1000, 1000, 100, 17, 5, 3));
        Check.raises(IllegalArgumentException.class, () -> make(1000, 5, 1000, 1000, 10, 1, 0, 3));
        Check.raises(IllegalArgumentException.class, () -> make(1000, 5, 1000, 1000, 10, 1, 5, -1));
        // the product of rows and stride is beyond 32 bits
        Check.raises(IllegalArgumentException.class, () -> make(1000, 1 << 30, 1000, 1000, 1 << 30, 1, 5, 9));
        Check.raises(IllegalArgumentException.class, () -> new YuvPlanes(ByteBuffer.allocate(99), 5, direct(99), 5, direct(99), 5,
                1, 5, 3));
    }

    private static void make(int luma, int yStride, int u, int v, int stride, int step, int width, int height) {
        new YuvPlanes(direct(luma), yStride, direct(u), stride, direct(v), stride, step, width, height);
    }

    private static ByteBuffer direct(int size) {
        return ByteBuffer.allocateDirect(size);
    }
}
