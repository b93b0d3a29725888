package org.dcelite.demo.core;

import org.dcelite.DceliteException;

/** What kind of failure it is: as far as the user can do something about it. */
public enum Failure {
    /** Less memory is wanted: a smaller picture, fewer other apps. */
    MEMORY,
    /** The model cannot be opened: another one may work. */
    MODEL,
    /** The native library is not in this app, or not for this processor. */
    LIBRARY,
    OTHER;

    public static Failure of(Throwable cause) {
        if (cause instanceof OutOfMemoryError) {
            return MEMORY;
        }
        if (cause instanceof LinkageError) {
            return LIBRARY;
        }
        switch (cause instanceof DceliteException ? ((DceliteException) cause).code() : 0) {
            case DceliteException.OUT_OF_MEMORY:
                return MEMORY;
            case DceliteException.FILE:
            case DceliteException.MODEL:
            case DceliteException.ENGINE:
                return MODEL;
            default:
                return OTHER;
        }
    }
}
