package dev.clowder.benchmark;

import java.util.Arrays;
import java.util.Locale;

/** What several rounds gave: the one in the middle, and how far they are apart. */
record Spread(double median, double min, double max) {
    /** Of these values, in any order; NaN without any. */
    static Spread of(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        if (n == 0) {
            return new Spread(Double.NaN, Double.NaN, Double.NaN);
        }
        return new Spread((sorted[(n - 1) / 2] + sorted[n / 2]) / 2, sorted[0], sorted[n - 1]);
    }

    /** Of the quotients of values of the same round: what disturbs the machine for a while disturbs both. */
    static Spread ofRatios(double[] values, double[] references) {
        double[] ratios = new double[Math.min(values.length, references.length)];
        Arrays.setAll(ratios, i -> values[i] / references[i]);
        return of(ratios);
    }

    /** With so many digits behind the point, as {@code 0.55 (0.52..0.61)}; a dash when there is nothing to tell. */
    String text(int digits) {
        if (!Double.isFinite(min) || !Double.isFinite(max)) {
            return "-";
        }
        String one = "%." + digits + "f";
        return String.format(Locale.ROOT, one + " (" + one + ".." + one + ")", median, min, max);
    }
}
