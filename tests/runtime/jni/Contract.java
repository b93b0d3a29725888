import com.sun.management.ThreadMXBean;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.dcelite.DceliteException;
import org.dcelite.Enhancer;

/** What org.dcelite.Enhancer promises, check by check: Contract MODEL.dce. Prints the name of each check that held. */
public final class Contract {
    private static final int WIDTH = 24;
    private static final int HEIGHT = 18;
    private static final int STRIDE = 3 * WIDTH;
    private static final int SIZE = STRIDE * HEIGHT;

    private interface Check {
        void run() throws Exception;
    }

    private static Path model;

    public static void main(String[] arguments) throws Exception {
        model = Paths.get(arguments[0]);
        run("describes the model", Contract::describesTheModel);
        run("models from memory", Contract::modelsFromMemory);
        run("refused models", Contract::refusedModels);
        run("refused options", Contract::refusedOptions);
        run("refused buffers", Contract::refusedBuffers);
        run("refused images", Contract::refusedImages);
        run("overlaps", Contract::overlaps);
        run("refused planes", Contract::refusedPlanes);
        run("settings", Contract::settings);
        run("smoothing and reset", Contract::smoothingAndReset);
        run("denoising", Contract::denoising);
        run("denoising over time", Contract::denoisingOverTime);
        run("white", Contract::white);
        run("timings", Contract::timings);
        run("closed", Contract::closed);
        run("busy", Contract::busy);
        run("close waits for a call", Contract::closeWaits);
        run("frames allocate nothing", Contract::framesAllocateNothing);
        run("opening and closing leaves nothing behind", Contract::leavesNothingBehind);
    }

    private static void run(String name, Check check) throws Exception {
        check.run();
        System.out.println("held: " + name);
    }

    // Checks -----------------------------------------------------------------------------------------------------------

    private static void describesTheModel() {
        try (Enhancer enhancer = Enhancer.open()) {
            equal(12, enhancer.scale());
            equal(Enhancer.ARCHITECTURE_ZERODCEPP_SCENE, enhancer.architecture());
            equal(12225, enhancer.parameters());
        }
        try (Enhancer enhancer = Enhancer.open((String) null, new Enhancer.Options().scale(3))) {
            equal(3, enhancer.scale());
        }
        that(Enhancer.version().matches("\\d+\\.\\d+\\.\\d+"), Enhancer.version());
    }

    private static void modelsFromMemory() throws IOException {
        final byte[] bytes = Files.readAllBytes(model);
        final ByteBuffer padded = ByteBuffer.allocateDirect(bytes.length + 20);
        padded.position(7);
        padded.put(bytes);
        padded.limit(7 + bytes.length).position(7);
        final byte[] wanted = enhancedBy(Enhancer.open());
        same(wanted, enhancedBy(Enhancer.open(padded, null)));
        equal(7, padded.position());
        same(wanted, enhancedBy(Enhancer.open(model.toString(), null)));
        try (FileChannel channel = FileChannel.open(model, StandardOpenOption.READ)) {
            same(wanted, enhancedBy(Enhancer.open(channel.map(FileChannel.MapMode.READ_ONLY, 0, bytes.length), null)));
        }
        padded.limit(6 + bytes.length);
        refused(DceliteException.MODEL, "truncated", () -> Enhancer.open(padded, null));
    }

    private static void refusedModels() throws IOException {
        refused(DceliteException.FILE, "/absent/m\u00f6del \ud83d\ude00.dce: cannot be opened",
                () -> Enhancer.open("/absent/m\u00f6del \ud83d\ude00.dce", null));
        refused(DceliteException.MODEL, "not a .dce model", () -> Enhancer.open(direct(100), null));
        refused(DceliteException.MODEL, "0 bytes", () -> Enhancer.open(direct(0), null));
        refused(DceliteException.MODEL, "MindSpore Lite", () -> Enhancer.open("/absent/model.ms", null));
        refused(IllegalArgumentException.class, "character 0", () -> Enhancer.open("a\0b", null));
        refused(IllegalArgumentException.class, "model: is no direct", () -> Enhancer.open(ByteBuffer.allocate(100), null));
        refused(NullPointerException.class, "model: is null", () -> Enhancer.open((ByteBuffer) null, null));
    }

    private static void refusedOptions() {
        refusedOptions("threads: -1", new Enhancer.Options().threads(-1));
        refusedOptions("threads: 65", new Enhancer.Options().threads(65));
        refusedOptions("scale: 65", new Enhancer.Options().scale(65));
        refusedOptions("strength: 1.5", new Enhancer.Options().strength(1.5f));
        refusedOptions("strength: ", new Enhancer.Options().strength(Float.NaN));
        refusedOptions("smoothing: 1,", new Enhancer.Options().smoothing(1));
        for (float value : new float[] {-0.1f, 1.1f, Float.NaN, Float.POSITIVE_INFINITY}) {
            refusedOptions("denoise: ", new Enhancer.Options().denoise(value));
            refusedOptions("temporal_denoise: ", new Enhancer.Options().temporalDenoise(value));
        }
        for (float value : new float[] {-0.1f, 256, Float.NaN}) {
            refusedOptions("noise_level: ", new Enhancer.Options().noiseLevel(value));
        }
        for (float value : new float[] {0, -0.5f, 1.001f, Float.NaN}) {
            refusedOptions("white: ", new Enhancer.Options().white(value));
        }
        refusedOptions("precision: 2,", new Enhancer.Options().precision(2));
        refusedOptions("map_interval: 0", new Enhancer.Options().mapInterval(0));
    }

    private static void refusedOptions(String sentence, Enhancer.Options options) {
        refused(DceliteException.INVALID_ARGUMENT, sentence, () -> Enhancer.open((String) null, options));
    }

    private static void refusedBuffers() {
        final ByteBuffer good = direct(SIZE);
        try (Enhancer enhancer = Enhancer.open()) {
            refused(NullPointerException.class, "src: is null", () -> enhance(enhancer, null, good));
            refused(NullPointerException.class, "dst: is null", () -> enhance(enhancer, good, null));
            refused(IllegalArgumentException.class, "src: is no direct", () -> enhance(enhancer, ByteBuffer.allocate(SIZE), good));
            refused(IllegalArgumentException.class, "dst: is no direct", () -> enhance(enhancer, good, ByteBuffer.allocate(SIZE)));
            refused(IllegalArgumentException.class, "dst: is read-only", () -> enhance(enhancer, good, good.asReadOnlyBuffer()));
            refused(IllegalArgumentException.class, "src: " + (SIZE - 1) + " bytes from position to limit, " + SIZE,
                    () -> enhance(enhancer, direct(SIZE - 1), good));
            refused(IllegalArgumentException.class, "dst: " + (SIZE - 1) + " bytes", () -> enhance(enhancer, good, direct(SIZE - 1)));
            final ByteBuffer late = direct(SIZE + 5);
            late.position(6);
            refused(IllegalArgumentException.class, "src: " + (SIZE - 1) + " bytes", () -> enhance(enhancer, late, good));
            late.position(0).limit(SIZE - 1);
            refused(IllegalArgumentException.class, "src: " + (SIZE - 1) + " bytes", () -> enhance(enhancer, late, good));
            late.limit(SIZE + 5).position(5);
            enhance(enhancer, late, good);
            enhance(enhancer, late.asReadOnlyBuffer(), good);
            equal(5, late.position());
            equal(SIZE + 5, late.limit());
        }
    }

    private static void refusedImages() {
        final ByteBuffer src = direct(9 * SIZE);
        final ByteBuffer dst = direct(9 * SIZE);
        final int largest = Integer.MAX_VALUE;
        try (Enhancer enhancer = Enhancer.open()) {
            for (int format : new int[] {-1, 11, largest, Integer.MIN_VALUE}) {
                refused(DceliteException.INVALID_ARGUMENT, "format " + format,
                        () -> enhancer.enhance(src, dst, format, WIDTH, HEIGHT, STRIDE, STRIDE));
                refused(DceliteException.INVALID_ARGUMENT, "destination: format " + format,
                        () -> enhancer.enhance(src, Enhancer.RGB8, STRIDE, dst, format, STRIDE, WIDTH, HEIGHT));
            }
            for (int size : new int[] {0, -1, 65536, largest, Integer.MIN_VALUE}) {
                for (int format = Enhancer.RGB8; format <= Enhancer.I010; format++) {
                    final int each = format;
                    refused(DceliteException.INVALID_ARGUMENT, "size " + size + " x 18",
                            () -> enhancer.enhance(src, dst, each, size, HEIGHT, STRIDE, STRIDE));
                    refused(DceliteException.INVALID_ARGUMENT, "size 24 x " + size,
                            () -> enhancer.enhance(src, dst, each, WIDTH, size, STRIDE, STRIDE));
                }
            }
            for (int format = Enhancer.RGB8; format <= Enhancer.I010; format++) {
                final int each = format;
                for (int stride : new int[] {WIDTH - 1, 0, -STRIDE, Integer.MIN_VALUE}) {
                    refused(IllegalArgumentException.class, "src: stride " + stride + " bytes",
                            () -> enhancer.enhance(src, dst, each, WIDTH, HEIGHT, stride, 8 * WIDTH));
                    refused(IllegalArgumentException.class, "dst: stride " + stride + " bytes",
                            () -> enhancer.enhance(src, dst, each, WIDTH, HEIGHT, 8 * WIDTH, stride));
                }
                refused(IllegalArgumentException.class, "src: ",
                        () -> enhancer.enhance(src, dst, each, 65535, 65535, largest, largest));
            }
            for (int matrix : new int[] {-1, 6}) {
                refused(DceliteException.INVALID_ARGUMENT, "matrix " + matrix, () -> enhancer.enhance(
                        src, Enhancer.NV12, WIDTH, dst, Enhancer.NV12, WIDTH, WIDTH, HEIGHT, matrix));
            }
            refused(DceliteException.INVALID_ARGUMENT, "format RGB16",
                    () -> enhancer.enhance(src, Enhancer.RGB8, STRIDE, dst, Enhancer.RGB16, 2 * STRIDE, WIDTH, HEIGHT));
            refused(DceliteException.INVALID_ARGUMENT, "format NV12",
                    () -> enhancer.enhance(src, Enhancer.RGB8, STRIDE, dst, Enhancer.NV12, STRIDE, WIDTH, HEIGHT));
            refused(DceliteException.INVALID_ARGUMENT, "format NV12", () -> enhancer.enhance(
                    src, Enhancer.P010, 2 * WIDTH, dst, Enhancer.NV12, WIDTH, WIDTH, HEIGHT, Enhancer.BT2020_LIMITED));
            src.position(1);
            for (int format : new int[] {Enhancer.RGB16, Enhancer.RGBA16, Enhancer.P010, Enhancer.I010}) {
                refused(DceliteException.INVALID_ARGUMENT, "even ones were wanted for ",
                        () -> enhancer.enhance(src, dst, format, WIDTH, HEIGHT, 8 * WIDTH, 8 * WIDTH));
            }
            src.position(0);
            refused(DceliteException.INVALID_ARGUMENT, "even ones were wanted for P010",
                    () -> enhancer.enhance(src, dst, Enhancer.P010, WIDTH, HEIGHT, 2 * WIDTH + 1, 2 * WIDTH));
            refused(DceliteException.INVALID_ARGUMENT, "even ones were wanted for RGB16",
                    () -> enhancer.enhance(src, dst, Enhancer.RGB16, WIDTH, HEIGHT, 2 * STRIDE, 2 * STRIDE + 1));
        }
    }

    private static void overlaps() {
        final ByteBuffer buffer = direct(4 * SIZE);
        final ByteBuffer other = buffer.duplicate();
        try (Enhancer enhancer = Enhancer.open()) {
            enhance(enhancer, buffer, other);
            for (int shift : new int[] {1, STRIDE, SIZE - 1}) {
                other.position(shift);
                overlapping(0, 0, () -> enhance(enhancer, buffer, other));
                overlapping(0, 0, () -> enhance(enhancer, other, buffer));
            }
            other.position(SIZE);
            enhance(enhancer, buffer, other);
            enhance(enhancer, other, buffer);
            other.position(0);
            refused(DceliteException.INVALID_ARGUMENT, "in place",
                    () -> enhancer.enhance(buffer, Enhancer.RGB8, STRIDE, other, Enhancer.RGBA8, 4 * WIDTH, WIDTH, HEIGHT));
            refused(DceliteException.INVALID_ARGUMENT, "in place",
                    () -> enhancer.enhance(buffer, other, Enhancer.RGB8, WIDTH, HEIGHT, STRIDE, STRIDE + 1));
            refused(DceliteException.INVALID_ARGUMENT, "in place",
                    () -> enhancer.enhance(buffer, Enhancer.NV12, WIDTH, other, Enhancer.NV21, WIDTH, WIDTH, HEIGHT));
            enhancer.enhance(buffer, Enhancer.RGB8, STRIDE, other, Enhancer.BGR8, STRIDE, WIDTH, HEIGHT);
            // The last row of chroma alone: 432 bytes of luma, 9 rows of 24.
            other.position(WIDTH * HEIGHT + 8 * WIDTH + WIDTH - 1);
            overlapping(0, 1,
                    () -> enhancer.enhance(buffer, Enhancer.NV12, WIDTH, other, Enhancer.RGBA8, 4 * WIDTH, WIDTH, HEIGHT));
            other.position(other.position() + 1);
            enhancer.enhance(buffer, Enhancer.NV12, WIDTH, other, Enhancer.RGBA8, 4 * WIDTH, WIDTH, HEIGHT);
            // The same stride and first row of chroma, but another place for luma.
            other.position(WIDTH);
            overlapping(0, 0, () -> enhancer.enhance(buffer, Enhancer.I420, WIDTH, other, Enhancer.I420, WIDTH, WIDTH, HEIGHT));
            // Beside each other in one buffer of twice the width.
            buffer.put(pixels()).rewind();
            final byte[] wanted = enhancedWith(enhancer);
            for (int row = HEIGHT - 1; row >= 0; row--) {
                for (int i = STRIDE - 1; i >= 0; i--) {
                    buffer.put(2 * STRIDE * row + i, buffer.get(STRIDE * row + i));
                }
            }
            other.position(STRIDE);
            enhancer.enhance(buffer, other, Enhancer.RGB8, WIDTH, HEIGHT, 2 * STRIDE, 2 * STRIDE);
            for (int i = 0; i < SIZE; i++) {
                equal(wanted[i], buffer.get(i / STRIDE * 2 * STRIDE + STRIDE + i % STRIDE));
            }
        }
    }

    private static void refusedPlanes() {
        final ByteBuffer y = direct(WIDTH * HEIGHT);
        final ByteBuffer u = direct(24 * 8 + 23);
        final ByteBuffer v = direct(24 * 8 + 23);
        final ByteBuffer dst = direct(4 * WIDTH * HEIGHT);
        try (Enhancer enhancer = Enhancer.open()) {
            planes(enhancer, y, WIDTH, u, 24, v, 24, 2, dst, Enhancer.RGBA8);
            refused(NullPointerException.class, "y: is null", () -> planes(enhancer, null, WIDTH, u, 24, v, 24, 2, dst, 2));
            refused(NullPointerException.class, "u: is null", () -> planes(enhancer, y, WIDTH, null, 24, v, 24, 2, dst, 2));
            refused(NullPointerException.class, "v: is null", () -> planes(enhancer, y, WIDTH, u, 24, null, 24, 2, dst, 2));
            refused(IllegalArgumentException.class, "v: is no direct",
                    () -> planes(enhancer, y, WIDTH, u, 24, ByteBuffer.allocate(300), 24, 2, dst, 2));
            refused(IllegalArgumentException.class, "dst: is read-only",
                    () -> planes(enhancer, y, WIDTH, u, 24, v, 24, 2, dst.asReadOnlyBuffer(), 2));
            refused(IllegalArgumentException.class, "y: stride 23 bytes", () -> planes(enhancer, y, 23, u, 24, v, 24, 2, dst, 2));
            refused(IllegalArgumentException.class, "u: stride 22 bytes, at least 23",
                    () -> planes(enhancer, y, WIDTH, u, 22, v, 24, 2, dst, 2));
            refused(IllegalArgumentException.class, "v: stride -24 bytes",
                    () -> planes(enhancer, y, WIDTH, u, 24, v, -24, 2, dst, 2));
            refused(IllegalArgumentException.class, "v: 215 bytes from position to limit, 223",
                    () -> planes(enhancer, y, WIDTH, u, 24, v, 25, 2, dst, 2));
            for (int step : new int[] {0, -1, 17, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
                refused(IllegalArgumentException.class, "uvPixelStride: " + step,
                        () -> planes(enhancer, y, WIDTH, u, 24, v, 24, step, dst, 2));
            }
            refused(DceliteException.INVALID_ARGUMENT, "format 11", () -> planes(enhancer, y, WIDTH, u, 24, v, 24, 2, dst, 11));
            refused(DceliteException.INVALID_ARGUMENT, "size 0 x 5", () -> enhancer.enhanceYuv420(
                    y, 1, u, 1, v, 1, 1, Enhancer.BT601_FULL, dst, Enhancer.RGBA8, 1, 0, 5));
            final ByteBuffer all = direct(8 * WIDTH * HEIGHT);
            final ByteBuffer part = all.duplicate();
            part.position(WIDTH * HEIGHT - 1);
            overlapping(0, 0, () -> planes(enhancer, all, WIDTH, u, 24, v, 24, 2, part, Enhancer.RGBA8));
            overlapping(0, 2, () -> planes(enhancer, y, WIDTH, u, 24, part, 24, 2, all, Enhancer.RGBA8));
            // The first byte of U, or of V, is no image that could be enhanced in place.
            for (int format : new int[] {Enhancer.RGB8, Enhancer.RGBA8, Enhancer.NV12, Enhancer.I420}) {
                overlapping(0, 1, () -> planes(enhancer, y, WIDTH, all, 24, v, 24, 2, all, format));
                overlapping(0, 2, () -> planes(enhancer, y, WIDTH, u, 24, all, 24, 2, all, format));
            }
            // One plane for U and V is a source, and so are planes that take turns, one byte apart.
            planes(enhancer, y, WIDTH, u, 24, u, 24, 2, all, Enhancer.RGBA8);
            part.position(1);
            planes(enhancer, y, WIDTH, all, 24, part, 24, 2, dst, Enhancer.RGBA8);
            refused(DceliteException.INVALID_ARGUMENT, "in place",
                    () -> planes(enhancer, all, WIDTH, u, 24, v, 24, 2, all, Enhancer.RGBA8));
        }
    }

    private static void settings() {
        final byte[] before = pixels();
        try (Enhancer enhancer = Enhancer.open((String) null, new Enhancer.Options().strength(0))) {
            same(before, enhancedWith(enhancer));
            enhancer.setStrength(1);
            same(enhancedBy(Enhancer.open()), enhancedWith(enhancer));
            for (float strength : new float[] {-0.1f, 1.1f, Float.NaN, Float.POSITIVE_INFINITY}) {
                refused(DceliteException.INVALID_ARGUMENT, "strength: ", () -> enhancer.setStrength(strength));
                refused(DceliteException.INVALID_ARGUMENT, "denoise: ", () -> enhancer.setDenoise(strength));
                refused(DceliteException.INVALID_ARGUMENT, "temporal_denoise: ", () -> enhancer.setTemporalDenoise(strength));
            }
            for (float smoothing : new float[] {-0.1f, 1, Float.NaN}) {
                refused(DceliteException.INVALID_ARGUMENT, "smoothing: ", () -> enhancer.setSmoothing(smoothing));
            }
            same(enhancedBy(Enhancer.open()), enhancedWith(enhancer));
        }
    }

    private static void smoothingAndReset() {
        final ByteBuffer flat = direct(SIZE);
        final ByteBuffer brighter = direct(SIZE);
        for (int i = 0; i < SIZE; i++) {
            flat.put(i, (byte) 40);
            brighter.put(i, (byte) 48);
        }
        final ByteBuffer dst = direct(SIZE);
        try (Enhancer enhancer = Enhancer.open((String) null, new Enhancer.Options().smoothing(0.9f))) {
            enhance(enhancer, brighter, dst);
            final byte[] alone = bytes(dst);
            enhancer.reset();
            enhance(enhancer, flat, dst);
            enhance(enhancer, brighter, dst);
            that(!Arrays.equals(alone, bytes(dst)), "the frame before had no influence");
            enhancer.reset();
            enhance(enhancer, brighter, dst);
            same(alone, bytes(dst));
            enhancer.setSmoothing(0);
            enhance(enhancer, flat, dst);
            enhance(enhancer, brighter, dst);
            same(alone, bytes(dst));
        }
    }

    private static void denoising() {
        // These images are too small for an estimate of their noise.
        final byte[] without = enhancedBy(Enhancer.open());
        final byte[] with = enhancedBy(Enhancer.open((String) null, noisy().denoise(1)));
        that(!Arrays.equals(without, with), "denoise had no influence");
        try (Enhancer enhancer = Enhancer.open((String) null, noisy())) {
            same(without, enhancedWith(enhancer));
            enhancer.setDenoise(1);
            same(with, enhancedWith(enhancer));
            same(with, enhancedWith(enhancer));  // no frame of a video
            enhancer.setDenoise(0);
            same(without, enhancedWith(enhancer));
        }
    }

    private static void denoisingOverTime() {
        final ByteBuffer first = direct(SIZE);
        final ByteBuffer second = direct(SIZE);
        for (int i = 0; i < SIZE; i++) {
            first.put(i, (byte) (40 + i * 7 % 5));
            second.put(i, (byte) (40 + i * 5 % 7));
        }
        final ByteBuffer dst = direct(SIZE);
        try (Enhancer enhancer = Enhancer.open((String) null, noisy().temporalDenoise(1))) {
            enhance(enhancer, second, dst);
            final byte[] alone = bytes(dst);
            enhancer.reset();
            enhance(enhancer, first, dst);
            enhance(enhancer, second, dst);
            final byte[] after = bytes(dst);
            that(!Arrays.equals(alone, after), "the frame before had no influence");
            enhancer.setTemporalDenoise(0);
            enhance(enhancer, first, dst);
            enhance(enhancer, second, dst);
            same(alone, bytes(dst));
            enhancer.setTemporalDenoise(1);  // a new video
            enhance(enhancer, first, dst);
            enhance(enhancer, second, dst);
            same(after, bytes(dst));
        }
    }

    // What is brighter than white stays as it is; with the setter, as with the option.
    private static void white() {
        final int size = 3 * WIDTH * HEIGHT;
        final ByteBuffer src = direct(size).order(ByteOrder.nativeOrder());
        final ByteBuffer[] results = {direct(size).order(ByteOrder.nativeOrder()), direct(size).order(ByteOrder.nativeOrder()),
            direct(size).order(ByteOrder.nativeOrder())};
        for (int i = 0; i < size / 2; i++) {
            src.putShort(2 * i, (short) ((i < WIDTH ? 64 + 38 * i : i < WIDTH * HEIGHT ? 100 : 512) << 6));
        }
        try (Enhancer one = Enhancer.open((String) null, new Enhancer.Options().white(0.5f)); Enhancer other = Enhancer.open()) {
            p010(one, src, results[0]);
            p010(other, src, results[1]);
            other.setWhite(0.5f);
            p010(other, src, results[2]);
            for (float value : new float[] {0, -0.5f, 1.001f, Float.NaN}) {
                refused(DceliteException.INVALID_ARGUMENT, "white: ", () -> other.setWhite(value));
            }
        }
        same(bytes(results[0]), bytes(results[2]));
        that(!Arrays.equals(bytes(results[0]), bytes(results[1])), "white had no influence");
        for (int x = 13; x < WIDTH; x++) {  // 64 + 38 x is above half of the range
            equal(src.getShort(2 * x), results[0].getShort(2 * x));
        }
    }

    private static void p010(Enhancer enhancer, ByteBuffer src, ByteBuffer dst) {
        enhancer.enhance(src, Enhancer.P010, 2 * WIDTH, dst, Enhancer.P010, 2 * WIDTH, WIDTH, HEIGHT, Enhancer.BT2020_LIMITED);
    }

    private static Enhancer.Options noisy() {
        return new Enhancer.Options().noiseLevel(20);
    }

    private static void timings() {
        final long[] times = {9, 9, 9, 9, 9, 9, 9};
        final long[] five = {9, 9, 9, 9, 9};
        final long[] six = {9, 9, 9, 9, 9, 9};
        try (Enhancer enhancer = Enhancer.open((String) null, new Enhancer.Options().threads(1))) {
            enhancer.timings(times);
            same(new long[] {0, 0, 0, 0, 0, 0, 9}, times);
            enhancer.enhance(direct(4 * SIZE), Enhancer.RGBA8, 4 * WIDTH, direct(4 * SIZE), Enhancer.BGRA8, 4 * WIDTH, WIDTH, HEIGHT);
            enhancer.timings(times);
            that(times[2] > 0 && times[3] > 0 && times[4] > 0, Arrays.toString(times));
            that(times[1] + times[2] + times[3] + times[4] <= times[0], Arrays.toString(times));
            equal(0, (int) times[5]);
            enhancer.setDenoise(1);
            enhance(enhancer, direct(SIZE), direct(SIZE));
            enhancer.timings(times);
            that(times[5] > 0 && times[2] + times[3] + times[4] + times[5] <= times[0], Arrays.toString(times));
            enhancer.timings(five);
            enhancer.timings(six);
            same(Arrays.copyOf(times, 5), five);
            same(Arrays.copyOf(times, 6), six);
            refused(IllegalArgumentException.class, "4 elements", () -> enhancer.timings(new long[4]));
            refused(NullPointerException.class, null, () -> enhancer.timings(null));
        }
        try (Enhancer enhancer = Enhancer.open((String) null, new Enhancer.Options().timings(false))) {
            refused(DceliteException.INVALID_ARGUMENT, "timings", () -> enhancer.timings(times));
        }
    }

    private static void closed() {
        final Enhancer enhancer = Enhancer.open();
        enhancer.close();
        enhancer.close();
        final ByteBuffer buffer = direct(SIZE);
        final Check[] calls = {
            () -> enhance(enhancer, buffer, buffer),
            () -> enhancer.enhance(buffer, 0, STRIDE, buffer, 0, STRIDE, WIDTH, HEIGHT),
            () -> planes(enhancer, buffer, WIDTH, buffer, 24, buffer, 24, 2, buffer, 2),
            () -> enhancer.setStrength(1), () -> enhancer.setSmoothing(0), () -> enhancer.setDenoise(0),
            () -> enhancer.setTemporalDenoise(0), () -> enhancer.setWhite(1), enhancer::reset, () -> enhancer.timings(new long[5]), enhancer::scale,
            enhancer::architecture, enhancer::parameters};
        for (Check call : calls) {
            refused(IllegalStateException.class, "closed", call);
        }
        enhancer.close();
    }

    private static void busy() throws InterruptedException {
        try (Enhancer enhancer = Enhancer.open((String) null, new Enhancer.Options().threads(1).scale(1))) {
            final LongCall call = new LongCall(enhancer);
            final ByteBuffer buffer = direct(SIZE);
            final byte[] before = bytes(buffer);
            final Check[] calls = {
                () -> enhance(enhancer, buffer, buffer), () -> enhancer.setStrength(0), () -> enhancer.setSmoothing(0.5f),
                () -> enhancer.setDenoise(0.5f), () -> enhancer.setTemporalDenoise(0.5f), enhancer::reset,
                () -> enhancer.timings(new long[5])};
            for (Check each : calls) {
                refused(DceliteException.BUSY, "in use by another thread", each);
            }
            equal(1, enhancer.scale());
            that(call.thread.isAlive(), "the long call was too short for this check");
            same(before, bytes(buffer));
            call.join();
            final byte[] first = bytes(call.result);
            enhancer.enhance(call.source, call.result, Enhancer.RGB8, LongCall.SIDE, LongCall.SIDE, LongCall.STRIDE, LongCall.STRIDE);
            same(first, bytes(call.result));
        }
    }

    private static void closeWaits() throws InterruptedException {
        final Enhancer enhancer = Enhancer.open((String) null, new Enhancer.Options().threads(2).scale(1));
        final LongCall call = new LongCall(enhancer);
        final AtomicBoolean interrupted = new AtomicBoolean();
        final AtomicBoolean wasOver = new AtomicBoolean();
        final Thread closer = new Thread(() -> {
            enhancer.close();
            wasOver.set(call.isOver());
            interrupted.set(Thread.currentThread().isInterrupted());
        });
        closer.start();
        final long deadline = System.nanoTime() + 20_000_000_000L;
        boolean refused = false;
        while (!refused && System.nanoTime() < deadline) {
            try {
                enhancer.scale();
            } catch (IllegalStateException e) {
                refused = true;
            }
        }
        that(refused, "close() had no effect");
        that(!call.isOver(), "the long call was too short for this check");
        closer.interrupt();
        enhancer.close();
        that(call.isOver(), "close() came back while a call was under way");
        closer.join();
        that(wasOver.get(), "the first close() came back while a call was under way");
        that(interrupted.get(), "close() swallowed the interrupt");
        call.join();
    }

    private static void framesAllocateNothing() {
        final ThreadMXBean bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        final long thread = Thread.currentThread().getId();
        final ByteBuffer src = direct(4 * SIZE);
        final ByteBuffer dst = direct(4 * SIZE);
        final long[] times = new long[5];
        try (Enhancer enhancer = Enhancer.open((String) null, new Enhancer.Options().smoothing(0.5f))) {
            long allocated = -1;
            for (int round = 0; round < 3; round++) {  // the first one loads classes
                final long before = bean.getThreadAllocatedBytes(thread);
                for (int i = 0; i < 200; i++) {
                    enhance(enhancer, src, dst);
                    enhancer.enhance(src, Enhancer.RGB8, STRIDE, dst, Enhancer.BGRA8, 4 * WIDTH, WIDTH, HEIGHT);
                    planes(enhancer, src, WIDTH, src, 24, src, 24, 2, dst, Enhancer.RGBA8);
                    enhancer.setStrength(0.5f);
                    enhancer.timings(times);
                }
                allocated = bean.getThreadAllocatedBytes(thread) - before;
            }
            that(allocated < 200, allocated + " bytes in 600 frames");  // the counter's own
        }
    }

    private static void leavesNothingBehind() throws IOException {
        openAndClose(100);
        final int threads = count("/proc/self/task");
        final int files = count("/proc/self/fd");
        long growth = Long.MAX_VALUE;
        for (int round = 0; round < 5; round++) {  // the JVM itself may grow in some
            final long before = residentKilobytes();
            openAndClose(100);
            growth = Math.min(growth, residentKilobytes() - before);
        }
        // The JVM may start some of its own; those of the handles would be a thousand.
        that(count("/proc/self/task") < threads + 20, "threads: " + count("/proc/self/task") + " after " + threads);
        that(count("/proc/self/fd") <= files, "files: " + count("/proc/self/fd") + " after " + files);
        // A handle has 100 KB: a hundred of them would be 10 MB.
        that(growth < 500, "memory grew by " + growth + " KB");
    }

    private static void openAndClose(int times) {
        final ByteBuffer buffer = direct(SIZE);
        for (int i = 0; i < times; i++) {
            try (Enhancer enhancer = Enhancer.open(i % 2 == 0 ? null : model.toString(), new Enhancer.Options().threads(3))) {
                enhance(enhancer, buffer, buffer);
            }
            refused(DceliteException.FILE, "cannot be opened", () -> Enhancer.open("absent.dce", null));
        }
    }

    // Means ------------------------------------------------------------------------------------------------------------

    /** A call that takes long, and is under way when the constructor returns. */
    private static final class LongCall {
        static final int SIDE = 1600;
        static final int STRIDE = 3 * SIDE;
        final ByteBuffer source = direct(SIDE * STRIDE);
        final ByteBuffer result = direct(SIDE * STRIDE);
        final AtomicReference<Throwable> failure = new AtomicReference<>();
        final Thread thread;

        LongCall(Enhancer enhancer) {
            for (int i = 0; i < source.capacity(); i++) {
                source.put(i, (byte) 40);
            }
            thread = new Thread(() -> {
                boolean done = false;
                while (!done && failure.get() == null) {
                    try {
                        enhancer.enhance(source, result, Enhancer.RGB8, SIDE, SIDE, STRIDE, STRIDE);
                        done = true;
                    } catch (DceliteException e) {
                        if (e.code() != DceliteException.BUSY) {  // the constructor's attempts may come in between
                            failure.set(e);
                        }
                    } catch (RuntimeException e) {
                        failure.set(e);
                    }
                }
            });
            thread.start();
            final long deadline = System.nanoTime() + 20_000_000_000L;
            boolean running = false;
            while (!running && System.nanoTime() < deadline) {
                try {
                    enhancer.reset();
                } catch (DceliteException e) {
                    running = e.code() == DceliteException.BUSY;
                }
            }
            that(running, "two threads were on one handle, and neither was refused");
        }

        /** Whether the last pixel is there. */
        boolean isOver() {
            return result.get(result.capacity() - 1) != 0;
        }

        void join() throws InterruptedException {
            thread.join();
            if (failure.get() != null) {
                throw new AssertionError(failure.get());
            }
        }
    }

    private static void enhance(Enhancer enhancer, ByteBuffer src, ByteBuffer dst) {
        enhancer.enhance(src, dst, Enhancer.RGB8, WIDTH, HEIGHT, STRIDE, STRIDE);
    }

    private static void planes(Enhancer enhancer, ByteBuffer y, int yStride, ByteBuffer u, int uStride, ByteBuffer v,
            int vStride, int uvPixelStride, ByteBuffer dst, int dstFormat) {
        enhancer.enhanceYuv420(y, yStride, u, uStride, v, vStride, uvPixelStride, Enhancer.BT601_FULL, dst, dstFormat,
                4 * WIDTH, WIDTH, HEIGHT);
    }

    private static ByteBuffer direct(int size) {
        return ByteBuffer.allocateDirect(size);
    }

    private static byte[] bytes(ByteBuffer buffer) {
        final byte[] bytes = new byte[buffer.capacity()];
        final ByteBuffer all = buffer.duplicate();
        all.clear();
        all.get(bytes);
        return bytes;
    }

    private static byte[] pixels() {
        final byte[] pixels = new byte[SIZE];
        for (int i = 0; i < SIZE; i++) {
            pixels[i] = (byte) (i * 7 % 61);
        }
        return pixels;
    }

    private static byte[] enhancedWith(Enhancer enhancer) {
        final ByteBuffer buffer = direct(SIZE);
        buffer.put(pixels()).rewind();
        enhance(enhancer, buffer, buffer);
        return bytes(buffer);
    }

    private static byte[] enhancedBy(Enhancer enhancer) {
        try (Enhancer closing = enhancer) {
            return enhancedWith(closing);
        }
    }

    private static long residentKilobytes() throws IOException {
        for (String line : Files.readAllLines(Paths.get("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new AssertionError("no VmRSS");
    }

    private static int count(String folder) {
        return new File(folder).list().length;
    }

    private static void overlapping(int plane, int sourcePlane, Check check) {
        refused(DceliteException.INVALID_ARGUMENT,
                "destination: plane[" + plane + "] overlaps plane[" + sourcePlane + "] of the source", check);
    }

    private static void refused(int code, String sentence, Check check) {
        try {
            check.run();
        } catch (DceliteException e) {
            that(e.code() == code && e.getMessage().contains(sentence),
                    e.code() + " '" + e.getMessage() + "', " + code + " '" + sentence + "' was wanted");
            return;
        } catch (Exception e) {
            throw new AssertionError("'" + sentence + "' was wanted", e);
        }
        throw new AssertionError("no exception, '" + sentence + "' was wanted");
    }

    private static void refused(Class<? extends Exception> type, String sentence, Check check) {
        try {
            check.run();
        } catch (Exception e) {
            that(e.getClass() == type, e + ", " + type + " was wanted");
            that(sentence == null || e.getMessage().contains(sentence), "'" + e.getMessage() + "', '" + sentence + "' was wanted");
            return;
        }
        throw new AssertionError("no exception, '" + sentence + "' was wanted");
    }

    private static void equal(int wanted, int seen) {
        that(wanted == seen, seen + ", " + wanted + " was wanted");
    }

    private static void same(byte[] wanted, byte[] seen) {
        that(Arrays.equals(wanted, seen), "the bytes differ");
    }

    private static void same(long[] wanted, long[] seen) {
        that(Arrays.equals(wanted, seen), Arrays.toString(seen) + ", " + Arrays.toString(wanted) + " was wanted");
    }

    private static void that(boolean condition, String otherwise) {
        if (!condition) {
            throw new AssertionError(otherwise);
        }
    }
}
