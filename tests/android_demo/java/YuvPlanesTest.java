import java.util.Random;
import org.dcelite.demo.core.YuvPlanes;

public final class YuvPlanesTest {
    private final Random random = new Random(1);

    public void everyCropOfEveryLayout() {
        for (int pixelStride = 1; pixelStride <= Planes.MAX_PIXEL_STRIDE; pixelStride++) {
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
}
