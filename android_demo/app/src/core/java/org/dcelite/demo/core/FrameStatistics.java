package org.dcelite.demo.core;

import java.util.ArrayDeque;
import java.util.Locale;

/** Rate and times of the frames that were shown last. Every method may be called from any thread. */
public final class FrameStatistics {
    /** Frames that are looked back on: two to three seconds of video. */
    public static final int WINDOW = 64;

    /** Stages of a frame after those of {@link FrameEngine}: the part that stays as it is, and the way to the screen. */
    public static final int SPLIT = FrameEngine.STAGES;
    public static final int SHOW = FrameEngine.STAGES + 1;
    public static final int STAGES = FrameEngine.STAGES + 2;
    /** In the places behind the stages: from taking up a frame until it is on the screen, and when that was. */
    public static final int TOTAL = STAGES;
    public static final int END = STAGES + 1;
    public static final int TIMES = STAGES + 2;

    static final String[] NAMES = {"convert", "downsample", "network", "curve", "denoise", "split", "show"};

    private static final double NANOSECONDS_PER_MS = 1e6;

    private final ArrayDeque<long[]> window = new ArrayDeque<>();
    private long shown;

    /** Counts a frame that was shown, with its {@link #TIMES}. The array is copied. */
    public synchronized void add(long[] nanoseconds) {
        window.addLast(nanoseconds.clone());
        if (window.size() > WINDOW) {
            window.removeFirst();
        }
        shown++;
    }

    /** Frames that were shown since the beginning. */
    public synchronized long shown() {
        return shown;
    }

    /** Frames a second, over the window; 0 before the second frame. */
    public synchronized double framesPerSecond() {
        final long elapsed = window.isEmpty() ? 0 : window.getLast()[END] - window.getFirst()[END];
        return elapsed > 0 ? (window.size() - 1) * 1e9 / elapsed : 0;
    }

    /** Milliseconds of a stage, or of {@link #TOTAL}; null before the first frame. */
    public synchronized Samples milliseconds(int stage) {
        final double[] values = new double[window.size()];
        int count = 0;
        for (long[] frame : window) {
            values[count++] = frame[stage] / NANOSECONDS_PER_MS;
        }
        return count == 0 ? null : new Samples(values);
    }

    /** Begins a new window, for instance when another engine is chosen; frames that were shown still count. */
    public synchronized void restart() {
        window.clear();
    }

    /** Two lines for the screen. */
    public synchronized String describe(long dropped) {
        final Samples times = milliseconds(TOTAL);
        if (times == null) {
            return "";
        }
        final StringBuilder text = new StringBuilder();
        text.append(String.format(Locale.ROOT, "%.1f fps · %d dropped · %.1f ms (90 %%: %.1f)\n", framesPerSecond(), dropped,
                times.mean, times.percentile(90)));
        for (int i = 0; i < STAGES; i++) {
            text.append(i == 0 ? "" : " · ").append(String.format(Locale.ROOT, "%s %.1f", NAMES[i], milliseconds(i).mean));
        }
        return text.toString();
    }
}
