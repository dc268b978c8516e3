package dev.clowder.launcher.wire;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;

/**
 * What other processes say by a signal. A signal that the platform does not know, or that the JVM keeps, is skipped.
 *
 * <p>Java offers no other way than {@code sun.misc.Signal} of the module jdk.unsupported. It is called by reflection
 * because the compiler's warning about it can't be turned off for one class.
 */
public final class Signals {
    private static final String SIGNAL = "sun.misc.Signal";
    private static final String HANDLER = "sun.misc.SignalHandler";

    private Signals() {}

    /** Runs the action, on a thread of the JVM's, at each of these signals (names without SIG). It must be short. */
    public static void on(List<String> names, Runnable action) {
        for (String name : names) {
            try {
                Class<?> signal = Class.forName(SIGNAL);
                Class<?> handler = Class.forName(HANDLER);
                Object run = Proxy.newProxyInstance(
                        handler.getClassLoader(), new Class<?>[] {handler}, (proxy, method, arguments) -> {
                            action.run();
                            return null;
                        });
                signal.getMethod("handle", signal, handler)
                        .invoke(null, signal.getConstructor(String.class).newInstance(name), run);
            } catch (InvocationTargetException e) {
                if (!(e.getCause() instanceof IllegalArgumentException)) {
                    throw new IllegalStateException("can't handle SIG" + name, e.getCause());
                }
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("can't handle signals on this Java", e);
            }
        }
    }

    /** Makes these signals have no effect. */
    public static void ignore(List<String> names) {
        on(names, () -> {});
    }
}
