package dev.clowder.launcher.worker;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.channels.Channel;

/** File descriptors, of which Java does not speak. Linux. */
final class Descriptors {
    private Descriptors() {}

    /** The descriptor of an open socket. */
    static int of(Channel socket) throws IOException {
        try {
            Method value = Class.forName("sun.nio.ch.SelChImpl").getMethod("getFDVal");
            value.setAccessible(true);
            return (int) value.invoke(socket);
        } catch (ReflectiveOperationException | RuntimeException e) {
            throw new IOException("this Java does not tell a descriptor", e);
        }
    }
}
