package org.dcelite;

/** Makes exceptions that only the library makes otherwise. */
public final class Exceptions {
    private Exceptions() {
    }

    public static DceliteException of(int code, String message) {
        return new DceliteException(code, message);
    }
}
