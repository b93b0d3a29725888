package org.dcelite.demo.core;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.Arrays;

/**
 * Makes a photograph small for the screen: every pixel is the mean of a square of pixels. (Bitmaps of full size would be
 * too large for the textures of many phones, and bilinear scaling by large factors leaves out most pixels.)
 */
public final class Preview {
    private Preview() {
    }

    /** The whole factor, at least 1, by which a picture fits into maxWidth x maxHeight. */
    public static int factor(int width, int height, int maxWidth, int maxHeight) {
        return Math.max(1, Math.max(PhotoSize.divided(width, maxWidth), PhotoSize.divided(height, maxHeight)));
    }

    /** Width or height of the preview; what is left over at the right and at the bottom belongs to the last pixels. */
    public static int size(int size, int factor) {
        return Math.max(1, size / factor);
    }

    /**
     * @param source width x height pixels of 4 bytes from its position, rows without gaps
     * @param target size(width) x size(height) such pixels from its position; neither position changes
     */
    public static void shrink(ByteBuffer source, int width, int height, int factor, ByteBuffer target) {
        final int targetWidth = size(width, factor);
        final int targetHeight = size(height, factor);
        final IntBuffer in = source.duplicate().order(ByteOrder.nativeOrder()).asIntBuffer();
        final IntBuffer out = target.duplicate().order(ByteOrder.nativeOrder()).asIntBuffer();
        final int[] row = new int[width];
        final int[] sums = new int[4 * targetWidth];
        final int[] line = new int[targetWidth];
        for (int ty = 0; ty < targetHeight; ty++) {
            final int firstRow = ty * factor;
            final int endRow = ty == targetHeight - 1 ? height : firstRow + factor;
            Arrays.fill(sums, 0);
            for (int y = firstRow; y < endRow; y++) {
                in.position(y * width);
                in.get(row);
                addRow(row, factor, sums, targetWidth);
            }
            for (int tx = 0; tx < targetWidth; tx++) {
                final int count = (tx == targetWidth - 1 ? width - tx * factor : factor) * (endRow - firstRow);
                line[tx] = 0;
                for (int channel = 0; channel < 4; channel++) {
                    line[tx] |= (sums[4 * tx + channel] + count / 2) / count << 8 * channel;
                }
            }
            out.position(ty * targetWidth);
            out.put(line);
        }
    }

    // Which byte is which channel does not matter here: each has its own sum.
    private static void addRow(int[] row, int factor, int[] sums, int targetWidth) {
        for (int x = 0; x < row.length; x++) {
            final int at = 4 * Math.min(x / factor, targetWidth - 1);
            for (int channel = 0; channel < 4; channel++) {
                sums[at + channel] += row[x] >>> 8 * channel & 0xFF;
            }
        }
    }
}
