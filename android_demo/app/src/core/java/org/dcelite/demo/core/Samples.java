package org.dcelite.demo.core;

import java.util.Arrays;

/** Statistics of measured times. */
public final class Samples {
    private final double[] sorted;
    public final int count;
    public final double mean;
    public final double min;
    public final double max;

    /** @param values at least one */
    public Samples(double[] values) {
        if (values.length == 0) {
            throw new IllegalArgumentException("values: none, at least one was wanted");
        }
        sorted = values.clone();
        Arrays.sort(sorted);
        double sum = 0;
        for (double value : sorted) {
            sum += value;
        }
        count = sorted.length;
        mean = sum / count;
        min = sorted[0];
        max = sorted[count - 1];
    }

    /** The samples from the shortest to the longest. */
    public double get(int index) {
        return sorted[index];
    }

    /** The value below which this share of the samples lies, interpolated between neighbours. */
    public double percentile(double percent) {
        if (!(percent >= 0 && percent <= 100)) {
            throw new IllegalArgumentException("percent: " + percent + ", 0 to 100 was wanted");
        }
        final double position = percent / 100 * (count - 1);
        final int below = (int) position;
        final int above = Math.min(below + 1, count - 1);
        return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }
}
