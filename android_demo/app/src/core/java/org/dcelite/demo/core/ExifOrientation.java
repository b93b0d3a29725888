package org.dcelite.demo.core;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Reads the orientation from the EXIF part of a JPEG file. Whatever else the bytes are, the answer is 1: as it stands. */
public final class ExifOrientation {
    private static final int START_OF_IMAGE = 0xFFD8;
    private static final int START_OF_SCAN = 0xDA;
    private static final int END_OF_IMAGE = 0xD9;
    private static final int APP1 = 0xE1;
    private static final ByteBuffer EXIF = ByteBuffer.wrap(new byte[] {'E', 'x', 'i', 'f', 0, 0});
    private static final int TIFF_LITTLE_ENDIAN = 0x49492A00;
    private static final int TIFF_BIG_ENDIAN = 0x4D4D002A;
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
        final DataInputStream data = new DataInputStream(stream);
        try {
            if (data.readUnsignedShort() != START_OF_IMAGE) {
                return 1;
            }
            while (data.readUnsignedByte() == 0xFF) {
                int marker = 0xFF;
                while (marker == 0xFF) {  // any number of fill bytes
                    marker = data.readUnsignedByte();
                }
                final boolean ends = marker == START_OF_SCAN || marker == END_OF_IMAGE;
                final int length = ends ? -1 : data.readUnsignedShort() - 2;
                if (length < 0) {
                    return 1;
                }
                final ByteBuffer segment = ByteBuffer.allocate(length);
                data.readFully(segment.array());
                segment.limit(Math.min(length, EXIF.capacity()));
                if (marker == APP1 && segment.equals(EXIF)) {
                    segment.limit(length).position(EXIF.capacity());
                    return ofTiff(segment.slice());
                }
            }
            return 1;
        } catch (EOFException e) {
            return 1;
        }
    }

    private static int ofTiff(ByteBuffer tiff) {
        final int magic = tiff.limit() < 8 ? 0 : tiff.getInt(0);
        if (magic != TIFF_LITTLE_ENDIAN && magic != TIFF_BIG_ENDIAN) {
            return 1;
        }
        tiff.order(magic == TIFF_LITTLE_ENDIAN ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        final int directory = tiff.getInt(4);  // unsigned, by anybody: negative here from 2 GiB on
        if (directory < 8 || directory > tiff.limit() - 2) {
            return 1;
        }
        final int entries = tiff.getShort(directory) & 0xFFFF;
        final int end = Math.min(directory + 2 + entries * ENTRY_SIZE, tiff.limit());
        for (int at = directory + 2; at <= end - ENTRY_SIZE; at += ENTRY_SIZE) {
            if (tiff.getShort(at) == TAG_ORIENTATION) {
                final int value = tiff.getShort(at + 8);
                return tiff.getShort(at + 2) == TYPE_SHORT && value >= 1 && value <= 8 ? value : 1;
            }
        }
        return 1;
    }
}
