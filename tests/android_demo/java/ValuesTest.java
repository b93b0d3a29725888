import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.dcelite.DceliteException;
import org.dcelite.Exceptions;
import org.dcelite.demo.core.Failure;
import org.dcelite.demo.core.FileNames;
import org.dcelite.demo.core.FrameStatistics;
import org.dcelite.demo.core.LiveSettings;
import org.dcelite.demo.core.PictureSize;
import org.dcelite.demo.core.Samples;

/** The small classes. */
public final class ValuesTest {
    private final Random random = new Random(11);

    public void samples() {
        final Samples ten = new Samples(new double[] {9, 1, 8, 2, 7, 3, 6, 4, 5, 10});
        Check.equal(10, ten.count);
        Check.near(5.5, ten.mean, 1e-12);
        Check.near(1, ten.min, 0);
        Check.near(10, ten.max, 0);
        Check.near(5.5, ten.percentile(50), 1e-12);
        Check.near(9.1, ten.percentile(90), 1e-12);
        Check.near(9.91, ten.percentile(99), 1e-12);
        Check.near(1, ten.percentile(0), 0);
        Check.near(10, ten.percentile(100), 0);
        Check.near(3, new Samples(new double[] {3}).percentile(90), 0);
        Check.raises(IllegalArgumentException.class, () -> new Samples(new double[0]));
        Check.raises(IllegalArgumentException.class, () -> ten.percentile(100.5));
        Check.raises(IllegalArgumentException.class, () -> ten.percentile(Double.NaN));
    }

    public void frameStatistics() {
        final FrameStatistics statistics = new FrameStatistics();
        Check.equal("", statistics.describe(0));
        Check.near(0, statistics.framesPerSecond(), 0);
        final long[] stages = new long[FrameStatistics.TIMES];
        // The first half takes 50 ms at 20 frames a second; the window then holds only 10 ms at 50.
        for (int i = 0; i < 2 * FrameStatistics.WINDOW; i++) {
            final boolean late = i >= FrameStatistics.WINDOW;
            Arrays.fill(stages, late ? 2_000_000 : 7_000_000);
            final long end = late ? 3_200_000_000L + (i - 64) * 20_000_000L : i * 50_000_000L;
            add(statistics, end, late ? 10_000_000 : 50_000_000, stages);
            if (i == 1) {
                Check.near(20, statistics.framesPerSecond(), 1e-9);
                Check.near(50, statistics.milliseconds(FrameStatistics.TOTAL).mean, 1e-9);
            }
        }
        Check.near(50, statistics.framesPerSecond(), 1e-9);
        Check.near(10, statistics.milliseconds(FrameStatistics.TOTAL).percentile(99), 1e-9);
        Check.near(2, statistics.milliseconds(FrameStatistics.SHOW).mean, 1e-9);
        Check.equal("50.0 fps · 7 dropped · 10.0 ms (90 %: 10.0)\n"
                + "convert 2.0 · downsample 2.0 · network 2.0 · curve 2.0 · denoise 2.0 · split 2.0 · show 2.0",
                statistics.describe(7));
        statistics.restart();
        Check.equal(2L * FrameStatistics.WINDOW, statistics.shown());
        Check.equal(null, statistics.milliseconds(FrameStatistics.TOTAL));
        Arrays.fill(stages, 4_000_000);
        add(statistics, 9_000_000_000L, 30_000_000, stages);
        Check.near(30, statistics.milliseconds(FrameStatistics.TOTAL).max, 0);
        Check.near(4, statistics.milliseconds(0).mean, 0);
        Check.near(0, statistics.framesPerSecond(), 0);
    }

    private static void add(FrameStatistics statistics, long end, long total, long[] times) {
        times[FrameStatistics.TOTAL] = total;
        times[FrameStatistics.END] = end;
        statistics.add(times);
    }

    public void settingsBringValuesIntoTheirRange() {
        check(new LiveSettings("", 99, 2, 1, 1.5f, 7), 8, 1, 0.95f, 1, 1);
        check(new LiveSettings("", -1, -1, Float.NEGATIVE_INFINITY, -0.1f, -0.1f), 0, 0, 0, 0, 0);
        check(new LiveSettings("", 0, Float.NaN, Float.NaN, Float.NaN, Float.NaN), 0, 1, 0, 1, 0.5f);
        check(LiveSettings.DEFAULTS, 0, 1, 0.6f, 1, 0.5f);
        final LiveSettings base = new LiveSettings("a", 3, 0.25f, 0.5f, 0.625f, 0.75f);
        check(base, 3, 0.25f, 0.5f, 0.625f, 0.75f);
        Check.that(base.sharesEngineWith(new LiveSettings("a", 3, 0, 0, 0, 0)), "the engine is the same");
        Check.that(!base.sharesEngineWith(new LiveSettings("a", 1, 0.25f, 0.5f, 0.625f, 0.75f)),
                "threads belong to the engine");
        Check.that(!base.sharesEngineWith(new LiveSettings("a", 3, 0.25f, 0.5f, 0.625f, 0.75f, true)), "another precision");
        Check.that(!base.sharesEngineWith(new LiveSettings("b", 3, 0.25f, 0.5f, 0.625f, 0.75f)), "another engine");
    }

    private static void check(LiveSettings settings, int threads, float strength, float smoothing, float denoise,
            float split) {
        Check.equal(threads, settings.threads);
        Check.near(strength, settings.strength, 0);
        Check.near(smoothing, settings.smoothing, 0);
        Check.near(denoise, settings.denoise, 0);
        Check.near(split, settings.split, 0);
    }

    public void hostileSettings() {
        for (int i = 0; i < 100_000; i++) {
            final LiveSettings settings = new LiveSettings("model" + i, random.nextInt(), anyFloat(), anyFloat(), anyFloat(),
                    anyFloat());
            Check.equal("model" + i, settings.engine);
            Check.that(settings.threads >= 0 && settings.threads <= LiveSettings.MAX_THREADS, "threads");
            Check.that(settings.strength >= 0 && settings.strength <= 1, "strength");
            Check.that(settings.smoothing >= 0 && settings.smoothing <= LiveSettings.MAX_SMOOTHING, "smoothing");
            Check.that(settings.denoise >= 0 && settings.denoise <= 1, "denoise");
            Check.that(settings.split >= 0 && settings.split <= 1, "split");
        }
    }

    private float anyFloat() {
        return random.nextBoolean() ? 2 * random.nextFloat() - 0.5f : Float.intBitsToFloat(random.nextInt());
    }

    public void photographsFitIntoMemory() {
        Check.equal(1, PictureSize.sampleSize(4000, 3000, 12_000_000));
        Check.equal(2, PictureSize.sampleSize(4000, 3000, 11_999_999));
        Check.equal(4, PictureSize.sampleSize(12000, 9000, 12_000_000));
        Check.equal(2, PictureSize.sampleSize(65536, 1, Long.MAX_VALUE));
        Check.equal(1, PictureSize.sampleSize(65535, 65535, Long.MAX_VALUE));
        Check.equal(8, PictureSize.sampleSize(5, 3, 0));
        Check.that(PictureSize.sampleSize(Integer.MAX_VALUE, Integer.MAX_VALUE, 1_000_000) == 1 << 22, "huge");
        Check.raises(IllegalArgumentException.class, () -> PictureSize.sampleSize(0, 3, 100));
        Check.raises(IllegalArgumentException.class, () -> PictureSize.sampleSize(-1, -1, 100));
        for (int i = 0; i < 10_000; i++) {
            final int width = 1 + random.nextInt(20_000);
            final int height = 1 + random.nextInt(20_000);
            final long pixels = 1 + random.nextInt(30_000_000);
            final int sample = PictureSize.sampleSize(width, height, pixels);
            Check.that(area(width, height, sample) <= pixels, "does not fit");
            Check.that(sample == 1 || area(width, height, sample / 2) > pixels, "smaller than need be");
        }
        // 256 MB of heap and 1 GB of memory: 32 million pixels fit into half the heap, 64 into half the memory
        Check.equal(32L << 20, PictureSize.pixels(256L << 20, 1L << 30));
        Check.equal(8L << 20, PictureSize.pixels(256L << 20, 128L << 20));
        Check.equal(0L, PictureSize.pixels(-5, 1L << 30));
        Check.equal(0L, PictureSize.pixels(1L << 30, -1));
    }

    private static long area(int width, int height, int sample) {
        return ((long) width + sample - 1) / sample * (((long) height + sample - 1) / sample);
    }

    public void fileNames() {
        Check.equal("IMG_1234-bright.jpg", FileNames.enhanced("IMG_1234.HEIC"));
        Check.equal("night.photo-bright.jpg", FileNames.enhanced("night.photo.jpg"));
        Check.equal("Straße bei Nacht-bright.jpg", FileNames.enhanced("Straße bei Nacht.png"));
        Check.equal("photograph-bright.jpg", FileNames.enhanced(null));
        Check.equal("photograph-bright.jpg", FileNames.enhanced(""));
        Check.equal("photograph-bright.jpg", FileNames.enhanced("   "));
        Check.equal("hidden-bright.jpg", FileNames.enhanced(".hidden"));
        Check.equal("passwd-bright.jpg", FileNames.enhanced("../../etc/passwd"));
        Check.equal("photograph-bright.jpg", FileNames.enhanced("folder/"));
        Check.equal("a_b_c-bright.jpg", FileNames.enhanced("a:b\nc.jpg"));
        final String name = "a/\\:*?\"<>|\u0000\n.\ud83d\ude00 z";
        for (int i = 0; i < 50_000; i++) {
            final StringBuilder original = new StringBuilder();
            for (int j = random.nextInt(200); j > 0; j--) {
                original.append(name.charAt(random.nextInt(name.length())));
            }
            final String result = FileNames.enhanced(original.toString());
            Check.that(result.matches("[^\\p{Cntrl}\"*/:<>?\\\\|.][^\\p{Cntrl}\"*/:<>?\\\\|]*-bright\\.jpg"), result);
            Check.that(result.length() <= 100, "too long");
        }
    }

    public void cameraSizes() {
        final int[][] sizes = {{4000, 3000}, {1920, 1080}, {1280, 960}, {960, 960}, {1280, 720}, {640, 480}};
        Check.equal(4, best(1280 * 720, sizes));
        Check.equal(0, best(Long.MAX_VALUE, sizes));
        Check.equal(5, best(1000, sizes));
        // of two with as many pixels, the wider
        Check.equal(1, best(1_000_000, new int[][] {{960, 960}, {1280, 720}}));
        Check.equal(0, best(1_000_000, new int[][] {{1280, 720}, {960, 960}}));
    }

    private static int best(long pixels, int[][] sizes) {
        int best = 0;
        for (int i = 1; i < sizes.length; i++) {
            if (PictureSize.better(sizes[i][0], sizes[i][1], sizes[best][0], sizes[best][1], pixels)) {
                best = i;
            }
        }
        return best;
    }

    public void failures() {
        Check.equal(Failure.MEMORY, Failure.of(new OutOfMemoryError()));
        Check.equal(Failure.LIBRARY, Failure.of(new UnsatisfiedLinkError()));
        Check.equal(Failure.LIBRARY, Failure.of(new NoClassDefFoundError()));
        Check.equal(Failure.OTHER, Failure.of(new IllegalStateException()));
        final List<Failure> ofCodes = new ArrayList<>();
        for (int code = -1; code >= -6; code--) {
            ofCodes.add(Failure.of(Exceptions.of(code, "")));
        }
        Check.equal(DceliteException.BUSY, -6);
        Check.equal(Arrays.asList(Failure.OTHER, Failure.MEMORY, Failure.MODEL, Failure.MODEL, Failure.MODEL, Failure.OTHER),
                Collections.unmodifiableList(ofCodes));
    }
}
