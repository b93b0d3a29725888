import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.dcelite.DceliteException;
import org.dcelite.Enhancer;

/**
 * Enhancers that are closed while others use them: Stress SEED SECONDS. Many threads enhance images of all sizes up to 1080p
 * with a few enhancers, another one closes these at random and opens new ones. Every call gives the picture that an enhancer
 * left in peace gives; or it throws BUSY, or says that the enhancer is closed, and then changed nothing; and every thread
 * comes to its end. Prints how often each outcome occurred.
 */
public final class Stress {
    private static final int USERS = 6;
    private static final int SLOTS = 3;
    private static final long PATIENCE = 60_000;  // milliseconds for a thread to end: far more than the longest call
    private static final int[][] SIZES = {
        {1, 1}, {2, 1}, {1, 3}, {5, 7}, {16, 16}, {33, 20}, {1, 1080}, {1920, 1}, {97, 101}, {320, 240}, {641, 479}, {1280, 720},
        {1920, 1080}};

    private static final AtomicReferenceArray<Enhancer> ENHANCERS = new AtomicReferenceArray<>(SLOTS);
    private static final TreeMap<String, Integer> OUTCOMES = new TreeMap<>();
    private static volatile Throwable failure;
    private static volatile boolean over;

    /** An image and what it becomes. All threads read it, none writes. */
    private static final class Picture {
        final int format;
        final int width;
        final int height;
        final int stride;
        final ByteBuffer source;
        final ByteBuffer wanted;

        Picture(Enhancer enhancer, Random random, int format, int width, int height) {
            this.format = format;
            this.width = width;
            this.height = height;
            stride = format == Enhancer.RGB8 ? 3 * width : format == Enhancer.RGBA8 ? 4 * width : width + width % 2;
            final byte[] bytes = new byte[format == Enhancer.NV12 ? stride * (height + (height + 1) / 2) : stride * height];
            random.nextBytes(bytes);
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) (bytes[i] >> 2 & 63);
            }
            source = ByteBuffer.allocateDirect(bytes.length);
            source.put(bytes).rewind();
            wanted = ByteBuffer.allocateDirect(bytes.length);
            wanted.put(bytes).rewind();  // bytes between the rows stay as they are
            enhance(enhancer, source, wanted);
        }

        void enhance(Enhancer enhancer, ByteBuffer src, ByteBuffer dst) {
            enhancer.enhance(src, dst, format, width, height, stride, stride);
        }
    }

    private interface Work {
        String run(Random random) throws InterruptedException;
    }

    public static void main(String[] arguments) throws InterruptedException {
        final long seed = Long.parseLong(arguments[0]);
        final long end = System.nanoTime() + (long) (1e9 * Double.parseDouble(arguments[1]));
        final Random random = new Random(seed);
        final Picture[] pictures = new Picture[3 * SIZES.length];
        try (Enhancer enhancer = Enhancer.open((String) null, new Enhancer.Options().threads(1))) {
            for (int i = 0; i < pictures.length; i++) {
                final int format = new int[] {Enhancer.RGB8, Enhancer.RGBA8, Enhancer.NV12}[i % 3];
                pictures[i] = new Picture(enhancer, random, format, SIZES[i / 3][0], SIZES[i / 3][1]);
            }
        }
        for (int i = 0; i < SLOTS; i++) {
            ENHANCERS.set(i, open(random));
        }
        final Thread[] threads = new Thread[USERS + 1];
        for (int i = 0; i < USERS; i++) {
            final ByteBuffer memory = ByteBuffer.allocateDirect(4 * 1920 * 1080);
            threads[i] = start("user " + i, seed + i, any -> use(any, pictures, memory));
        }
        threads[USERS] = start("closer", seed + USERS, Stress::close);
        while (failure == null && System.nanoTime() < end) {
            Thread.sleep(20);
        }
        over = true;
        for (Thread thread : threads) {
            join(thread);
        }
        if (failure != null) {
            failure.printStackTrace();
            System.exit(1);
        }
        for (int i = 0; i < SLOTS; i++) {
            ENHANCERS.get(i).close();
        }
        OUTCOMES.forEach((name, count) -> System.out.println(count + " " + name));
    }

    private static Thread start(String name, long seed, Work work) {
        final Thread thread = new Thread(() -> {
            final Random random = new Random(seed);
            final TreeMap<String, Integer> outcomes = new TreeMap<>();
            try {
                while (!over) {
                    outcomes.merge(work.run(random), 1, Integer::sum);
                }
            } catch (Throwable e) {
                failure = e;
            }
            synchronized (OUTCOMES) {
                outcomes.forEach((outcome, count) -> OUTCOMES.merge(outcome, count, Integer::sum));
            }
        }, name);
        thread.start();
        return thread;
    }

    /** Waits for a thread; where it does not end, says what each thread does, and ends the program. */
    private static void join(Thread thread) throws InterruptedException {
        thread.join(PATIENCE);
        if (!thread.isAlive()) {
            return;
        }
        System.err.println(thread.getName() + " hangs");
        for (Map.Entry<Thread, StackTraceElement[]> each : Thread.getAllStackTraces().entrySet()) {
            System.err.println(each.getKey());
            for (StackTraceElement element : each.getValue()) {
                System.err.println("    at " + element);
            }
        }
        Runtime.getRuntime().halt(3);
    }

    private static Enhancer open(Random random) {
        return Enhancer.open((String) null, new Enhancer.Options().threads(1 + random.nextInt(3)));
    }

    // One call of one of the enhancers, whatever its state.
    private static String use(Random random, Picture[] pictures, ByteBuffer memory) {
        final Enhancer enhancer = ENHANCERS.get(random.nextInt(SLOTS));
        if (random.nextInt(4) == 0) {
            return "set: " + outcome(() -> set(random, enhancer));
        }
        final double choice = random.nextDouble();
        final Picture picture = pictures[(int) (choice * choice * pictures.length)];  // the large ones are seldom
        final boolean inPlace = random.nextBoolean();
        memory.clear();
        memory.limit(picture.source.limit());
        memory.put(picture.source.duplicate()).rewind();
        final String outcome = outcome(() -> picture.enhance(enhancer, inPlace ? memory : picture.source, memory));
        final ByteBuffer wanted = outcome.equals("right") ? picture.wanted : picture.source;
        if (!memory.equals(wanted)) {
            throw new AssertionError(outcome + ", with another picture: format " + picture.format + ", " + picture.width + " x "
                    + picture.height + (inPlace ? ", in place" : ""));
        }
        return "enhance: " + outcome;
    }

    // What changes no picture.
    private static void set(Random random, Enhancer enhancer) {
        switch (random.nextInt(4)) {
            case 0:
                enhancer.setStrength(1);
                break;
            case 1:
                enhancer.reset();
                break;
            case 2:
                enhancer.timings(new long[5]);
                break;
            default:
                if (enhancer.scale() != 12) {
                    throw new AssertionError("the description of the model changed");
                }
        }
    }

    private static String outcome(Runnable call) {
        try {
            call.run();
            return "right";
        } catch (DceliteException e) {
            if (e.code() != DceliteException.BUSY) {
                throw e;
            }
            return "busy";
        } catch (IllegalStateException e) {
            if (!e.getMessage().equals("the enhancer is closed")) {
                throw e;
            }
            return "closed";
        }
    }

    // Closes one of the enhancers, now and then from two threads at once, and only then lets the others have a new one.
    private static String close(Random random) throws InterruptedException {
        Thread.sleep(random.nextInt(30));
        final int slot = random.nextInt(SLOTS);
        final Enhancer enhancer = ENHANCERS.get(slot);
        final boolean busy = outcome(enhancer::reset).equals("busy");
        final Thread second = random.nextInt(4) == 0 ? new Thread(enhancer::close, "second closer") : null;
        if (second != null) {
            second.start();
        }
        enhancer.close();
        if (!outcome(enhancer::scale).equals("closed")) {
            throw new AssertionError("an enhancer is open after close()");
        }
        Thread.sleep(random.nextInt(3));
        ENHANCERS.set(slot, open(random));
        if (second != null) {
            join(second);
        }
        return busy ? "close: while in use" : "close: at rest";
    }
}
