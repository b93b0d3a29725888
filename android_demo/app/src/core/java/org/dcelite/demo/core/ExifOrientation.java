package org.dcelite.demo.core;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** Reads the orientation from the EXIF part of a JPEG file. Whatever else the bytes are, the answer is 1: as it stands. */
public final class ExifOrientation {
    private static final int START_OF_IMAGE = 0xFFD8;
    private static final int START_OF_SCAN = 0xDA;
    private static final int END_OF_IMAGE = 0xD9;
    private static final int APP1 = 0xE1;
    private static final byte[] EXIF = {'E', 'x', 'i', 'f', 0, 0};
    private static final int TAG_ORIENTATION = 0x0112;
    private static final int TYPE_SHORT = 3;
    private static final int ENTRY_SIZE = 12;

    private ExifOrientation() {
    }

    /**
     * Reads as far as the EXIF segment, at most to where the pixels begin.
     *
     * @return 1 … 8
     * @throws IOException only where the stream itself fails
     */
    public static int read(InputStream stream) throws IOException {
        if (read16(stream) != START_OF_IMAGE) {
            return 1;
        }
        while (true) {
            int marker = stream.read();
            if (marker != 0xFF) {
                return 1;
            }
            do {  // any number of fill bytes
                marker = stream.read();
            } while (marker == 0xFF);
            if (marker < 0 || marker == START_OF_SCAN || marker == END_OF_IMAGE) {
                return 1;
            }
            final int length = read16(stream) - 2;
            if (length < 0) {
                return 1;
            }
            final byte[] segment = readUpTo(stream, length);
            if (segment.length < length) {
                return 1;
            }
            if (marker == APP1 && startsWith(segment, EXIF)) {
                return ofTiff(Arrays.copyOfRange(segment, EXIF.length, segment.length));
            }
        }
    }

    // Offsets are unsigned 32-bit numbers that anybody may have written, so they are longs until compared with the size.
    private static int ofTiff(byte[] tiff) {
        if (tiff.length < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M')) {
            return 1;
        }
        final boolean little = tiff[0] == 'I';
        if (at16(tiff, 2, little) != 42) {
            return 1;
        }
        final long directory = (long) at16(tiff, little ? 6 : 4, little) << 16 | at16(tiff, little ? 4 : 6, little);
        if (directory < 8 || directory > tiff.length - 2) {
            return 1;
        }
        final int entries = at16(tiff, (int) directory, little);
        for (int i = 0; i < entries; i++) {
            final long entry = directory + 2 + (long) i * ENTRY_SIZE;
            if (entry > tiff.length - ENTRY_SIZE) {
                return 1;
            }
            final int at = (int) entry;
            if (at16(tiff, at, little) == TAG_ORIENTATION) {
                final int value = at16(tiff, at + 8, little);
                return at16(tiff, at + 2, little) == TYPE_SHORT && value >= 1 && value <= 8 ? value : 1;
            }
        }
        return 1;
    }

    private static int at16(byte[] bytes, int at, boolean little) {
        final int first = bytes[at] & 0xFF;
        final int second = bytes[at + 1] & 0xFF;
        return little ? second << 8 | first : first << 8 | second;
    }

    // -1 at the end of the stream.
    private static int read16(InputStream stream) throws IOException {
        final int first = stream.read();
        final int second = stream.read();
        return first < 0 || second < 0 ? -1 : first << 8 | second;
    }

    private static byte[] readUpTo(InputStream stream, int size) throws IOException {
        final byte[] bytes = new byte[size];
        int done = 0;
        while (done < size) {
            final int count = stream.read(bytes, done, size - done);
            if (count <= 0) {
                return Arrays.copyOf(bytes, done);
            }
            done += count;
        }
        return bytes;
    }

    private static boolean startsWith(byte[] bytes, byte[] prefix) {
        return bytes.length >= prefix.length && Arrays.equals(Arrays.copyOf(bytes, prefix.length), prefix);
    }
}
