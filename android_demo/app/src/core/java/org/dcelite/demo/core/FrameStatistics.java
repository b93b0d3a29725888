package org.dcelite.demo.core;

import java.util.Arrays;
import java.util.Locale;

/** Rate and times of the frames that were shown last. Every method may be called from any thread. */
public final class FrameStatistics {
    /** Frames that are looked back on: two to three seconds of video. */
    public static final int WINDOW = 64;

    /** Stages of a frame after those of {@link FrameEngine}: the part that stays as it is, and the way to the screen. */
    public static final int SPLIT = FrameEngine.STAGES;
    public static final int SHOW = FrameEngine.STAGES + 1;
    public static final int STAGES = FrameEngine.STAGES + 2;

    private static final String[] NAMES = {"convert", "downsample", "network", "curve", "split", "show"};
    private static final double NANOSECONDS_PER_MS = 1e6;

    private final long[] end = new long[WINDOW];
    private final double[] milliseconds = new double[WINDOW];
    private final long[][] stage = new long[WINDOW][STAGES];
    private long shown;
    private long sinceRestart;

    /** Counts a frame that was shown. The array is copied. */
    public synchronized void add(long endNanoseconds, long totalNanoseconds, long[] stageNanoseconds) {
        final int slot = (int) (sinceRestart % WINDOW);
        end[slot] = endNanoseconds;
        milliseconds[slot] = totalNanoseconds / NANOSECONDS_PER_MS;
        System.arraycopy(stageNanoseconds, 0, stage[slot], 0, STAGES);
        shown++;
        sinceRestart++;
    }

    /** Frames that were shown since the beginning. */
    public synchronized long shown() {
        return shown;
    }

    /** Frames a second, over the window; 0 before the second frame. */
    public synchronized double framesPerSecond() {
        final int count = count();
        if (count < 2) {
            return 0;
        }
        final long newest = end[(int) ((sinceRestart - 1) % WINDOW)];
        final long oldest = end[(int) ((sinceRestart - count) % WINDOW)];
        return newest > oldest ? (count - 1) * 1e9 / (newest - oldest) : 0;
    }

    /** Milliseconds from taking up a frame until it is on the screen; null before the first. */
    public synchronized Samples milliseconds() {
        return count() == 0 ? null : new Samples(Arrays.copyOf(milliseconds, count()));
    }

    /** Mean milliseconds of a stage. */
    public synchronized double stageMilliseconds(int index) {
        final int count = count();
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += stage[i][index];
        }
        return count == 0 ? 0 : sum / count / NANOSECONDS_PER_MS;
    }

    /** Begins a new window, for instance when another engine is chosen; frames that were shown still count. */
    public synchronized void restart() {
        sinceRestart = 0;
    }

    private int count() {
        return (int) Math.min(sinceRestart, WINDOW);
    }

    /** Two lines for the screen. */
    public synchronized String describe(long dropped) {
        final Samples times = milliseconds();
        if (times == null) {
            return "";
        }
        final StringBuilder text = new StringBuilder();
        text.append(String.format(Locale.ROOT, "%.1f fps · %d dropped · %.1f ms (90 %%: %.1f)\n", framesPerSecond(), dropped,
                times.mean, times.percentile(90)));
        for (int i = 0; i < STAGES; i++) {
            text.append(i == 0 ? "" : " · ").append(String.format(Locale.ROOT, "%s %.1f", NAMES[i], stageMilliseconds(i)));
        }
        return text.toString();
    }
}
