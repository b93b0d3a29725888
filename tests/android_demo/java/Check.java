import java.util.Arrays;
import java.util.Objects;

/** Assertions. */
final class Check {
    interface Action {
        void run() throws Exception;
    }

    private Check() {
    }

    static void that(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void equal(Object wanted, Object seen) {
        final boolean same = wanted instanceof int[] ? Arrays.equals((int[]) wanted, (int[]) seen) : Objects.equals(wanted, seen);
        if (!same) {
            final Object shown = seen instanceof int[] ? Arrays.toString((int[]) seen) : seen;
            throw new AssertionError("wanted " + (wanted instanceof int[] ? Arrays.toString((int[]) wanted) : wanted) + ", saw "
                    + shown);
        }
    }

    static void near(double wanted, double seen, double tolerance) {
        if (!(Math.abs(wanted - seen) <= tolerance)) {
            throw new AssertionError("wanted " + wanted + " within " + tolerance + ", saw " + seen);
        }
    }

    static <E extends Throwable> E raises(Class<E> type, Action action) {
        try {
            action.run();
        } catch (Throwable e) {
            if (type.isInstance(e)) {
                return type.cast(e);
            }
            throw new AssertionError("wanted " + type + ", saw " + e, e);
        }
        throw new AssertionError("wanted " + type + ", nothing was thrown");
    }
}
