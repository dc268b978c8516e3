package dev.clowder.launcher.worker;

import com.sun.jna.LastErrorException;
import com.sun.jna.Native;
import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** File descriptors, of which Java does not speak. Linux. */
final class Descriptors {
    private static final int STANDARD_OUTPUT = 1;
    private static final int STANDARD_ERROR = 2;

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

    /**
     * Lets all that this process writes go to the supervisor at this control socket. The pipe to the one that started it
     * is broken, and what was written to it meanwhile is lost: waiting for a reader would have stopped requests.
     */
    static void moveOutput(Path control, Message.Output introduction) throws IOException {
        try (SocketChannel output = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            output.connect(UnixDomainSocketAddress.of(control));
            new Wire(output).send(introduction);
            int descriptor = of(output);
            C.dup2(descriptor, STANDARD_OUTPUT);
            C.dup2(descriptor, STANDARD_ERROR);
        } catch (LastErrorException | LinkageError e) {
            throw new IOException("the output can't be moved", e);
        }
    }

    /** Named as in the C library. */
    private static final class C {
        static {
            // The temporary directory of a worker is in the run directory, which may be mounted noexec.
            String directory = System.getProperty("io.netty.native.workdir");
            if (directory != null && System.getProperty("jna.tmpdir") == null) {
                System.setProperty("jna.tmpdir", directory);
            }
            Native.register(C.class, "c");
        }

        static native int dup2(int from, int to) throws LastErrorException;
    }
}
