import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Random;
import org.dcelite.demo.core.ExifOrientation;

public final class ExifOrientationTest {
    private static final int SHORT = 3;
    private static final int TAG = 0x0112;

    private static void put(ByteArrayOutputStream out, boolean little, int size, long value) {
        for (int i = 0; i < size; i++) {
            out.write((int) (value >> 8 * (little ? i : size - 1 - i)));
        }
    }

    private static byte[] tiff(boolean little, long directory, int entries, int tag, int type, int value) {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(little ? 'I' : 'M');
        out.write(little ? 'I' : 'M');
        put(out, little, 2, 42);
        put(out, little, 4, directory);
        while (out.size() < Math.min(directory, 40)) {
            out.write(0x55);
        }
        put(out, little, 2, entries);
        for (int other : new int[] {0x010F, tag}) {
            put(out, little, 2, other);
            put(out, little, 2, other == tag ? type : 2);
            put(out, little, 4, 1);
            put(out, little, 2, other == tag ? value : 7);
            put(out, little, 2, 0);
        }
        put(out, little, 4, 0);
        return out.toByteArray();
    }

    private static void segment(ByteArrayOutputStream out, int marker, byte[]... parts) {
        int length = 2;
        for (byte[] part : parts) {
            length += part.length;
        }
        out.write(0xFF);
        out.write(marker);
        put(out, false, 2, length);
        for (byte[] part : parts) {
            out.write(part, 0, part.length);
        }
    }

    private static byte[] jpeg(byte[] tiff, int fill) {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        put(out, false, 2, 0xFFD8);
        segment(out, 0xE0, new byte[] {'J', 'F', 'I', 'F', 0, 1, 2, 0, 0, 1, 0, 1, 0, 0});
        segment(out, 0xE1, "http://ns.adobe.com/xap/1.0/".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        for (int i = 0; i < fill; i++) {
            out.write(0xFF);
        }
        segment(out, 0xE1, new byte[] {'E', 'x', 'i', 'f', 0, 0}, tiff);
        segment(out, 0xDB, new byte[65]);
        segment(out, 0xDA, new byte[10]);
        return out.toByteArray();
    }

    private static int read(byte[] bytes) throws IOException {
        return ExifOrientation.read(new ByteArrayInputStream(bytes));
    }

    public void everyValueInBothByteOrders() throws IOException {
        for (int value = 1; value <= 8; value++) {
            for (boolean little : new boolean[] {false, true}) {
                for (int directory : new int[] {8, 9, 26}) {
                    Check.equal(value, read(jpeg(tiff(little, directory, 2, TAG, SHORT, value), value % 3)));
                }
            }
        }
    }

    public void whatIsNoOrientationIsOne() throws IOException {
        for (boolean little : new boolean[] {false, true}) {
            for (int value : new int[] {0, 9, 255, 256, 65535}) {
                Check.equal(1, read(jpeg(tiff(little, 8, 2, TAG, SHORT, value), 0)));
            }
            Check.equal(1, read(jpeg(tiff(little, 8, 2, TAG, 4, 6), 0)));
            Check.equal(1, read(jpeg(tiff(little, 8, 2, TAG + 1, SHORT, 6), 0)));
            Check.equal(1, read(jpeg(tiff(little, 8, 1, TAG, SHORT, 6), 0)));
            // a directory of 65535 entries that is only two long, and offsets around the end and beyond 31 bits
            Check.equal(6, read(jpeg(tiff(little, 8, 65535, TAG, SHORT, 6), 0)));
            Check.equal(1, read(jpeg(tiff(little, 8, 65535, TAG + 1, SHORT, 6), 0)));
            for (long directory : new long[] {0, 7, 69, 70, 71, 0x7FFFFFFF, 0x80000000L, 0xFFFFFFFFL}) {
                Check.equal(1, read(jpeg(tiff(little, directory, 2, TAG, SHORT, 6), 0)));
            }
        }
    }

    public void everyTruncation() throws IOException {
        final byte[] whole = jpeg(tiff(true, 8, 2, TAG, SHORT, 6), 2);
        int sixes = 0;
        for (int length = 0; length <= whole.length; length++) {
            final int value = read(Arrays.copyOf(whole, length));
            Check.that(value == 1 || value == 6, "another value");
            sixes += value == 6 ? 1 : 0;
        }
        // from the end of the EXIF segment on, after which 69 and 14 bytes follow in two others
        Check.equal(69 + 14 + 1, sixes);
    }

    public void pixelsAreNotRead() throws IOException {
        final byte[] plain = {(byte) 0xFF, (byte) 0xD8, (byte) 0xFF, (byte) 0xDA, 0, 2};
        final int[] count = {0};
        final InputStream stream = new InputStream() {
            @Override
            public int read() {
                return count[0] < plain.length ? plain[count[0]++] & 0xFF : fail();
            }

            private int fail() {
                throw new AssertionError("read beyond the start of the scan");
            }
        };
        Check.equal(1, ExifOrientation.read(stream));
    }

    public void failuresOfTheStreamAreNotHidden() {
        Check.raises(IOException.class, () -> ExifOrientation.read(new InputStream() {
            @Override
            public int read() throws IOException {
                throw new IOException("gone");
            }
        }));
    }

    public void hostileBytes() throws IOException {
        final Random random = new Random(7);
        for (int round = 0; round < 300_000; round++) {
            byte[] bytes = jpeg(tiff(random.nextBoolean(), 8 + random.nextInt(30), random.nextInt(4), TAG, random.nextInt(5),
                    random.nextInt(12)), random.nextInt(3));
            for (int changes = random.nextInt(6); changes > 0; changes--) {
                // 0xFF and 0 are what lengths, offsets and markers are most sensitive to
                final int kind = random.nextInt(3);
                bytes[random.nextInt(bytes.length)] = (byte) (kind == 0 ? 0xFF : kind == 1 ? 0 : random.nextInt(256));
            }
            if (random.nextInt(4) == 0) {
                bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
            }
            final int value = read(bytes);
            Check.that(value >= 1 && value <= 8, "value " + value);
        }
        final byte[] noise = new byte[64];
        for (int round = 0; round < 200_000; round++) {
            random.nextBytes(noise);
            noise[0] = (byte) 0xFF;
            noise[1] = (byte) 0xD8;
            final int value = read(noise);
            Check.that(value >= 1 && value <= 8, "value " + value);
        }
    }
}
