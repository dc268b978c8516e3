package dev.clowder.launcher.worker.loop;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.concurrent.locks.Lock;
import org.apache.tomcat.util.net.SocketWrapperBase;

/**
 * The lock that Tomcat holds while it works on a connection. {@code SocketWrapperBase.getLock()} returns {@code Lock} in
 * Tomcat 10.1 and {@code ReentrantLock} in 11.0: a call that is compiled for one fails in the other.
 */
public final class ConnectionLock {
    private static final MethodHandle GET_LOCK = getLock();

    private ConnectionLock() {}

    /** Of a connection; free of charge once it is compiled. */
    public static Lock of(SocketWrapperBase<?> connection) {
        try {
            return (Lock) GET_LOCK.invoke(connection);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static MethodHandle getLock() {
        try {
            return MethodHandles.publicLookup().unreflect(SocketWrapperBase.class.getMethod("getLock"));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
