import java.nio.ByteBuffer;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.dcelite.DceliteException;
import org.dcelite.Enhancer;

/**
 * Random calls of everything that is public: Fuzz SEED CALLS. Two threads share the enhancers, which either may close under
 * the other's feet; each has its own buffers. A call may end in a result or in one of the exceptions that Enhancer documents,
 * and writes nothing outside of its destination. Prints how often each outcome occurred.
 */
public final class Fuzz implements Runnable {
    private static final int SLOTS = 4;
    private static final int REGION = 700;
    private static final String SHIPPED = null;

    private static final AtomicReferenceArray<Enhancer> ENHANCERS = new AtomicReferenceArray<>(SLOTS);
    private static volatile Throwable failure;

    private final Random random;
    private final int calls;
    private final TreeMap<String, Integer> outcomes = new TreeMap<>();
    private final ByteBuffer[] regions = new ByteBuffer[3];
    private final byte[] before = new byte[REGION];
    private final long[] times = new long[7];

    // What view() made last: a part of a region, or null.
    private ByteBuffer region;
    private int from;
    private int to;
    // The same of the destination of the call under way.
    private ByteBuffer written;
    private int writtenFrom;
    private int writtenTo;

    private Fuzz(long seed, int calls) {
        random = new Random(seed);
        this.calls = calls;
        for (int i = 0; i < regions.length; i++) {
            regions[i] = ByteBuffer.allocateDirect(REGION);
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        final long seed = Long.parseLong(arguments[0]);
        final int calls = Integer.parseInt(arguments[1]);
        for (int i = 0; i < SLOTS; i++) {
            ENHANCERS.set(i, Enhancer.open(SHIPPED, new Enhancer.Options().threads(1)));
        }
        final Fuzz[] fuzzers = {new Fuzz(seed, calls / 2), new Fuzz(seed + 1, calls - calls / 2)};
        final Thread[] threads = {new Thread(fuzzers[0]), new Thread(fuzzers[1])};
        for (Thread thread : threads) {
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        if (failure != null) {
            failure.printStackTrace();
            System.exit(1);
        }
        fuzzers[1].outcomes.forEach((name, count) -> fuzzers[0].outcomes.merge(name, count, Integer::sum));
        fuzzers[0].outcomes.forEach((name, count) -> System.out.println(count + " " + name));
    }

    @Override
    public void run() {
        try {
            for (int i = 0; i < calls && failure == null; i++) {
                outcomes.merge(oneCall(), 1, Integer::sum);
            }
        } catch (Throwable e) {
            failure = e;
        }
    }

    private String oneCall() {
        written = null;
        String outcome;
        try {
            outcome = call();
        } catch (DceliteException e) {
            outcome = "DceliteException " + e.code() + (e.getMessage().contains(" overlaps plane[") ? " overlaps" : "");
        } catch (IllegalArgumentException e) {
            outcome = "IllegalArgumentException " + reason(e.getMessage());
        } catch (NullPointerException | IllegalStateException e) {
            outcome = e.getClass().getSimpleName();
        }
        if (written != null) {
            for (int i = 0; i < REGION; i++) {
                if ((i < writtenFrom || i >= writtenTo) && written.get(i) != before[i]) {
                    throw new AssertionError(outcome + ": wrote at " + i + ", outside of " + writtenFrom + " to " + writtenTo);
                }
            }
        }
        return outcome;
    }

    private static String reason(String message) {
        for (String reason : new String[] {"is no direct", "is read-only", "from position to limit", "stride", "uvPixelStride",
                "elements"}) {
            if (message.contains(reason)) {
                return reason;
            }
        }
        return "for another reason";
    }

    private String call() {
        final int slot = random.nextInt(SLOTS);
        final Enhancer enhancer = ENHANCERS.get(slot);
        final int kind = random.nextInt(1000);
        if (kind < 600) {
            return enhance(enhancer);
        }
        if (kind < 900) {
            return enhanceYuv420(enhancer);
        }
        if (kind < 930) {
            enhancer.setStrength(choose(0, 0.25f, 1, -1, Float.NaN, 2));
            return "set strength";
        }
        if (kind < 942) {
            enhancer.setSmoothing(choose(0, 0, 0.5f, 1, Float.NEGATIVE_INFINITY));
            return "set smoothing";
        }
        if (kind < 946) {
            enhancer.setDenoise(choose(0, 0, 0.5f, 1, -1, Float.NaN));
            return "set denoise";
        }
        if (kind < 950) {
            enhancer.setTemporalDenoise(choose(0, 0, 0.5f, 1, 2, Float.NaN));
            enhancer.setWhite(choose(1, 0.75f));
            return "set temporal denoise";
        }
        if (kind < 965) {
            enhancer.timings(random.nextInt(50) == 0 ? null : random.nextInt(5) == 0 ? new long[random.nextInt(7)] : times);
            return "timings";
        }
        if (kind < 975) {
            enhancer.reset();
            return "reset";
        }
        if (kind < 985) {
            if (enhancer.scale() < 1 || enhancer.architecture() != Enhancer.ARCHITECTURE_ZERODCEPP_SCENE
                    || enhancer.parameters() != 12225 || Enhancer.version().isEmpty()) {
                throw new AssertionError("the description of the model changed");
            }
            return "described";
        }
        if (kind < 987) {
            enhancer.close();
            return "closed";
        }
        return reopen(slot);
    }

    private String reopen(int slot) {
        final Enhancer.Options options = random.nextInt(3) > 0 ? null : new Enhancer.Options()
                .threads(choose(1, 1, 1, 2, -1, 65)).scale(choose(0, 1, 3, 64, 65, -1))
                .strength(choose(1, 1, 0.5f, -1)).smoothing(choose(0, 0, 0.9f, 1)).mapInterval(choose(1, 1, 3, 0))
                .denoise(choose(0, 0, 1, -1)).temporalDenoise(choose(0, 0, 0.9f, 2)).noiseLevel(choose(0, 0, 20, 256))
                .white(choose(1, 1, 1, 1, 1, 1, 0.75f, 0))
                .timings(random.nextBoolean());
        final Enhancer opened;
        switch (random.nextInt(4)) {
            case 0:
                opened = Enhancer.open(view(false), options);
                break;
            case 1:
                opened = Enhancer.open(choose("", "absent.dce", "absent.ms", "\0", "/", "\ud800"), options);
                break;
            default:
                opened = Enhancer.open(SHIPPED, options);
        }
        ENHANCERS.getAndSet(slot, opened).close();
        return "opened";
    }

    private String enhance(Enhancer enhancer) {
        final int width = size();
        final int height = size();
        final int srcFormat = format();
        final int dstFormat = random.nextBoolean() ? srcFormat : format();
        final int srcStride = stride(width, srcFormat);
        final int dstStride = random.nextBoolean() && srcFormat == dstFormat ? srcStride : stride(width, dstFormat);
        final ByteBuffer src = view(false);
        final ByteBuffer dst = random.nextInt(4) == 0 ? src : view(true);
        watchDestination();
        switch (random.nextInt(3)) {
            case 0:
                enhancer.enhance(src, dst, srcFormat, width, height, srcStride, dstStride);
                break;
            case 1:
                enhancer.enhance(src, srcFormat, srcStride, dst, dstFormat, dstStride, width, height);
                break;
            default:
                enhancer.enhance(src, srcFormat, srcStride, dst, dstFormat, dstStride, width, height, random.nextInt(6) - 1);
        }
        return src == dst ? "enhanced in place" : "enhanced";
    }

    private String enhanceYuv420(Enhancer enhancer) {
        final int width = size();
        final int height = size();
        final int dstFormat = random.nextInt(4) == 0 ? format() : random.nextInt(4);
        final int pixelStride = choose(1, 2, 3, 16, 17, 0, -2);
        final int chromaStride = choose(8, 16, stride(width, 1), 80);
        final ByteBuffer y = view(false);
        final ByteBuffer u = view(false);
        final ByteBuffer v = random.nextBoolean() ? u : view(false);
        final ByteBuffer dst = view(true);
        watchDestination();
        enhancer.enhanceYuv420(y, stride(width, Enhancer.I420), u, chromaStride, v, chromaStride, pixelStride,
                random.nextInt(5), dst, dstFormat, stride(width, dstFormat), width, height);
        return "enhanced planes";
    }

    private int size() {
        return random.nextInt(12) > 0 ? 1 + random.nextInt(9) : choose(0, -1, 65535, 65536, Integer.MAX_VALUE, Integer.MIN_VALUE);
    }

    private int format() {
        return random.nextInt(30) > 0 ? random.nextInt(11) : choose(-1, 11, Integer.MAX_VALUE);
    }

    private int stride(int width, int format) {
        final int pixel = new int[] {3, 3, 4, 4, 6, 1, 1, 1, 8, 2, 2}[format >= 0 && format <= Enhancer.I010 ? format : 0];
        switch (random.nextInt(20)) {
            case 0:
                return choose(0, -1, -pixel * width, pixel * width - 1, Integer.MAX_VALUE, Integer.MIN_VALUE, random.nextInt());
            case 1:
            case 2:
                return pixel * width + random.nextInt(9);
            default:
                return pixel * width;
        }
    }

    private ByteBuffer view(boolean destination) {
        region = null;
        switch (random.nextInt(60)) {
            case 0:
                return null;
            case 1:
                return ByteBuffer.allocate(REGION);
            case 2:
                return regions[0].asReadOnlyBuffer();
            default:
        }
        region = regions[destination ? 2 : random.nextInt(3)];
        to = random.nextInt(4) > 0 ? REGION : random.nextInt(REGION + 1);
        from = random.nextInt(4) > 0 ? 0 : random.nextInt(to + 1);
        final ByteBuffer view = region.duplicate();
        view.limit(to);
        view.position(from);
        return random.nextInt(8) == 0 ? view.slice() : view;
    }

    // The destination is what view() made last: what lies around it must stay as it is.
    private void watchDestination() {
        written = region;
        writtenFrom = from;
        writtenTo = to;
        if (written != null) {
            random.nextBytes(before);
            written.clear();
            written.put(before);
            written.clear();
        }
    }

    private int choose(int... values) {
        return values[random.nextInt(values.length)];
    }

    private float choose(float... values) {
        return values[random.nextInt(values.length)];
    }

    private String choose(String... values) {
        return values[random.nextInt(values.length)];
    }
}
