import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;

/** Runs the public methods of test classes, each on a new object: Run CLASS... Status 1 if any fails. */
public final class Run {
    private Run() {
    }

    public static void main(String[] classes) throws ReflectiveOperationException {
        int count = 0;
        int failures = 0;
        for (String name : classes) {
            for (Method method : Class.forName(name).getDeclaredMethods()) {
                if (!Modifier.isPublic(method.getModifiers())) {
                    continue;
                }
                count++;
                final Object test = Class.forName(name).getDeclaredConstructor().newInstance();
                try {
                    method.invoke(test);
                    System.out.println("passed: " + method.getName());
                } catch (InvocationTargetException e) {
                    failures++;
                    System.out.println("FAILED: " + method.getName());
                    e.getCause().printStackTrace(System.out);
                }
            }
        }
        if (count == 0) {
            throw new IllegalStateException("no tests");
        }
        System.exit(failures == 0 ? 0 : 1);
    }
}
