package dev.clowder.launcher.worker.loop;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.tomcat.util.net.NioEndpoint;
import org.apache.tomcat.util.net.NioEndpoint.NioSocketWrapper;
import org.apache.tomcat.util.net.NioEndpoint.Poller;
import org.apache.tomcat.util.net.SocketEvent;
import org.apache.tomcat.util.net.SocketWrapperBase;
import org.jspecify.annotations.Nullable;

/** What the loop needs of Tomcat that Tomcat promises to nobody; the same in 10.1 and 11.0. */
final class LoopHooks {
    /** A method that can be overridden or called by a subclass. */
    record Hook(Class<?> owner, Class<?> returns, String name, List<Class<?>> parameters) {
        Hook(Class<?> owner, Class<?> returns, String name, Class<?>... parameters) {
            this(owner, returns, name, List.of(parameters));
        }

        boolean exists() {
            for (Class<?> declaring = owner; declaring != null; declaring = declaring.getSuperclass()) {
                try {
                    Method method = declaring.getDeclaredMethod(name, parameters.toArray(Class<?>[]::new));
                    int modifiers = method.getModifiers();
                    return method.getReturnType() == returns
                            && (Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers))
                            && !Modifier.isStatic(modifiers)
                            && !Modifier.isFinal(modifiers);
                } catch (NoSuchMethodException e) {
                    // Perhaps its superclass has it.
                }
            }
            return false;
        }

        @Override
        public String toString() {
            return owner.getSimpleName() + "." + name
                    + parameters.stream().map(Class::getSimpleName).collect(Collectors.joining(", ", "(", ")"));
        }
    }

    private static final List<Hook> NEEDED = List.of(
            new Hook(NioEndpoint.class, Poller.class, "getPoller"),
            new Hook(NioEndpoint.class, int.class, "getKeepAliveCount"),
            new Hook(NioEndpoint.class, void.class, "createExecutor"),
            new Hook(NioEndpoint.class, boolean.class, "getUseVirtualThreads"),
            new Hook(NioEndpoint.class, long.class, "getSelectorTimeout"),
            new Hook(NioEndpoint.class, long.class, "getExecutorTerminationTimeoutMillis"),
            new Hook(
                    NioEndpoint.class,
                    boolean.class,
                    "processSocket",
                    SocketWrapperBase.class,
                    SocketEvent.class,
                    boolean.class),
            new Hook(Poller.class, Selector.class, "getSelector"),
            new Hook(Poller.class, int.class, "getKeyCount"),
            new Hook(Poller.class, boolean.class, "events"),
            new Hook(Poller.class, void.class, "add", NioSocketWrapper.class, int.class),
            new Hook(Poller.class, void.class, "register", NioSocketWrapper.class),
            new Hook(Poller.class, void.class, "processKey", SelectionKey.class, NioSocketWrapper.class),
            new Hook(Poller.class, void.class, "timeout", int.class, boolean.class),
            new Hook(Poller.class, void.class, "destroy"));

    private LoopHooks() {}

    /** The first that this Tomcat lacks; null if it has all. */
    @Nullable
    static Hook missing() {
        return missing(NEEDED);
    }

    static @Nullable Hook missing(List<Hook> needed) {
        return needed.stream().filter(hook -> !hook.exists()).findFirst().orElse(null);
    }
}
