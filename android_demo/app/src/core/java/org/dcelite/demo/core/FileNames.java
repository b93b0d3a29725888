package org.dcelite.demo.core;

/** Names that are proposed for results. */
public final class FileNames {
    private static final String OTHERWISE = "photograph";
    private static final int MAX_LENGTH = 80;

    private FileNames() {
    }

    /** {@code IMG_1234.HEIC} becomes {@code IMG_1234-bright.jpg}. Names come from other apps, so anything may be in them. */
    public static String enhanced(String original) {
        final String last = original == null ? "" : original.substring(original.lastIndexOf('/') + 1);
        // What FAT takes for something else, and what is no single char: half of it is no character.
        final String clean = last.replaceAll("[\\p{Cntrl}\"*:<>?\\\\|\\p{Cs}\\x{10000}-\\x{10FFFF}]", "_");
        final String stem = clean.replaceFirst("(?s)(?<=.)\\.[^.]*$", "");
        final String base = stem.substring(0, Math.min(stem.length(), MAX_LENGTH)).trim().replaceFirst("^\\.+", "");
        return (base.isEmpty() ? OTHERWISE : base) + "-bright.jpg";
    }
}
