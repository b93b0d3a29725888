package org.dcelite.demo.core;

/** Names that are proposed for results. */
public final class FileNames {
    private static final String OTHERWISE = "photograph";
    private static final int MAX_LENGTH = 80;

    private FileNames() {
    }

    /** {@code IMG_1234.HEIC} becomes {@code IMG_1234-bright.jpg}. Names come from other apps, so anything may be in them. */
    public static String enhanced(String original) {
        final StringBuilder name = new StringBuilder();
        final String last = original == null ? "" : original.substring(original.lastIndexOf('/') + 1);
        for (char c : last.toCharArray()) {
            // What FAT takes for something else; half a pair of surrogates is no character.
            final boolean bad = c < ' ' || c == 0x7F || "\"*:<>?\\|".indexOf(c) >= 0 || Character.isSurrogate(c);
            name.append(bad ? '_' : c);
        }
        final int dot = name.lastIndexOf(".");
        if (dot > 0) {
            name.setLength(dot);
        }
        if (name.length() > MAX_LENGTH) {
            name.setLength(MAX_LENGTH);
        }
        String base = name.toString().trim();
        while (base.startsWith(".")) {
            base = base.substring(1);
        }
        return (base.isEmpty() ? OTHERWISE : base) + "-bright.jpg";
    }
}
