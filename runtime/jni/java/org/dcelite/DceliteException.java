package org.dcelite;

import org.jetbrains.annotations.NotNull;

/** A refusal or failure of the library: its code and its sentence. */
public class DceliteException extends RuntimeException {
    /** A size, stride, format or option out of its range. */
    public static final int INVALID_ARGUMENT = -1;
    /** An allocation failed; the enhancer stays usable. */
    public static final int OUT_OF_MEMORY = -2;
    /** The model file cannot be opened or read. */
    public static final int FILE = -3;
    /** The model is damaged, of another kind, or of a newer version. */
    public static final int MODEL = -4;
    /** MindSpore Lite reported a failure. */
    public static final int ENGINE = -5;
    /** The enhancer is in use by another thread. */
    public static final int BUSY = -6;

    private static final long serialVersionUID = 1L;

    private final int code;

    DceliteException(int code, @NotNull String message) {
        super(message);
        this.code = code;
    }

    /** The {@code dce_status}, one of the constants of this class. */
    public int code() {
        return code;
    }
}
