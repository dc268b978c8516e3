package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The end of NOTIFY_SOCKET that systemd holds: a datagram socket that takes descriptors. For one thread. */
final class NotifyReceiver implements AutoCloseable {
    private static final int NO_DESCRIPTOR = -1;
    private static final int EAGAIN = 11;

    static {
        Native.register(C.class, "c");
    }

    private final int socket;
    private final List<String> received = new ArrayList<>();

    /**
     * What came.
     *
     * @param descriptor -1 if none came with it
     */
    record Datagram(String text, int descriptor) {}

    /** Binds to a path or, behind an {@code @}, to an abstract name. */
    NotifyReceiver(String address) {
        byte[] name = address.getBytes(UTF_8);
        if (name[0] == '@') {
            name[0] = 0;
        }
        socket = C.socket(1, 2 | 0x80000, 0);
        try (Memory bound = new Memory(2 + name.length)) {
            bound.setShort(0, (short) 1);
            bound.write(2, name, 0, name.length);
            C.bind(socket, bound, (int) bound.size());
        }
        // SO_RCVTIMEO: looks for what else may have happened every 100 ms.
        try (Memory time = new Memory(16)) {
            time.setLong(0, 0);
            time.setLong(8, TimeUnit.MILLISECONDS.toMicros(100));
            C.setsockopt(socket, 1, 20, time, 16);
        }
    }

    /** Waits for a datagram with this line. */
    Datagram await(String line) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
        while (System.nanoTime() < deadline) {
            Datagram datagram = receive();
            if (datagram != null) {
                received.add(datagram.text());
                if (List.of(datagram.text().split("\n", -1)).contains(line)) {
                    return datagram;
                }
            }
        }
        throw new AssertionError("no " + line + " came, but " + received);
    }

    /** All that came up to now. */
    List<String> received() {
        return received;
    }

    private @Nullable Datagram receive() {
        try (Memory text = new Memory(4096);
                Memory vector = new Memory(16);
                Memory control = new Memory(24);
                Memory message = new Memory(56)) {
            vector.setPointer(0, text);
            vector.setLong(8, text.size());
            message.clear();
            message.setPointer(16, vector);
            message.setLong(24, 1);
            message.setPointer(32, control);
            message.setLong(40, control.size());
            int length = (int) C.recvmsg(socket, message, 0);
            return new Datagram(
                    new String(text.getByteArray(0, length), UTF_8),
                    message.getLong(40) == 0 ? NO_DESCRIPTOR : control.getInt(16));
        } catch (LastErrorException e) {
            if (e.getErrorCode() == EAGAIN) {
                return null;
            }
            throw e;
        }
    }

    @Override
    public void close() {
        NotifySocket.closeDescriptor(socket);
    }

    private static final class C {
        static native int socket(int domain, int type, int protocol) throws LastErrorException;

        static native int bind(int socket, Pointer address, int length) throws LastErrorException;

        static native int setsockopt(int socket, int level, int name, Pointer value, int length)
                throws LastErrorException;

        static native long recvmsg(int socket, Pointer message, int flags) throws LastErrorException;
    }
}
