package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import java.util.List;

/**
 * A datagram socket to a Unix address, with descriptors (SCM_RIGHTS): Java has neither. Linux, 64 bits. Never blocks:
 * what the receiver's queue can't take is an error. For one thread.
 */
final class NotifySocket implements AutoCloseable {
    /** No descriptor. */
    static final int NONE = -1;

    // From the headers of Linux, the same on x86_64 and aarch64.
    private static final short AF_UNIX = 1;
    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int SOCK_STREAM = 1;
    private static final int SOCK_DGRAM = 2;
    private static final int SOCK_CLOEXEC = 0x80000;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int SOL_SOCKET = 1;
    private static final int SO_TYPE = 3;
    private static final int SO_ACCEPTCONN = 30;
    private static final int SO_DOMAIN = 39;
    private static final int SCM_RIGHTS = 1;

    static {
        Native.register(C.class, "c");
    }

    private final int descriptor;
    private final Memory address;

    /**
     * Opens a socket; nothing is sent yet.
     *
     * @param address a path, or a name in the abstract namespace behind an {@code @}
     * @throws LastErrorException if there are no descriptors left
     * @throws LinkageError where this platform has no such calls
     */
    NotifySocket(String address) {
        if (Native.POINTER_SIZE != Long.BYTES) {
            throw new UnsatisfiedLinkError("only on 64 bits");
        }
        byte[] name = address.getBytes(UTF_8);
        boolean isAbstract = address.startsWith("@");
        // unix(7): an abstract name begins with a zero and has no end but the length, a path ends with a zero.
        this.address = new Memory(Short.BYTES + name.length + (isAbstract ? 0 : 1));
        this.address.clear();
        this.address.setShort(0, AF_UNIX);
        this.address.write(Short.BYTES, name, 0, name.length);
        if (isAbstract) {
            this.address.setByte(Short.BYTES, (byte) 0);
        }
        descriptor = C.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }

    /**
     * Sends one message.
     *
     * @param passed a descriptor of which the receiver gets a copy, or {@link #NONE}
     * @throws LastErrorException if it could not be sent, or not without waiting
     */
    void send(byte[] text, int passed) {
        try (Memory payload = new Memory(text.length);
                Memory vector = new Memory(16);
                Memory control = new Memory(24);
                Memory message = new Memory(56)) {
            payload.write(0, text, 0, text.length);
            vector.setPointer(0, payload);
            vector.setLong(8, text.length);
            message.clear();
            message.setPointer(0, address);
            message.setInt(8, (int) address.size());
            message.setPointer(16, vector);
            message.setLong(24, 1);
            if (passed != NONE) {
                control.clear();
                control.setLong(0, 20);
                control.setInt(8, SOL_SOCKET);
                control.setInt(12, SCM_RIGHTS);
                control.setInt(16, passed);
                message.setPointer(32, control);
                message.setLong(40, control.size());
            }
            C.sendmsg(descriptor, message, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
    }

    @Override
    public void close() {
        closeDescriptor(descriptor);
        address.close();
    }

    /** Whether clients can connect to this descriptor by TCP. */
    static boolean isTcpListener(int descriptor) {
        try {
            return option(descriptor, SO_ACCEPTCONN) == 1
                    && option(descriptor, SO_TYPE) == SOCK_STREAM
                    && List.of(AF_INET, AF_INET6).contains(option(descriptor, SO_DOMAIN));
        } catch (LastErrorException e) {
            return false;
        }
    }

    /** Closes any descriptor. */
    static void closeDescriptor(int descriptor) {
        try {
            C.close(descriptor);
        } catch (LastErrorException e) {
            // It is closed.
        }
    }

    private static int option(int descriptor, int name) {
        IntByReference value = new IntByReference();
        C.getsockopt(descriptor, SOL_SOCKET, name, value, new IntByReference(Integer.BYTES));
        return value.getValue();
    }

    /** Named as in the C library. */
    private static final class C {
        static native int socket(int domain, int type, int protocol) throws LastErrorException;

        static native long sendmsg(int socket, Pointer message, int flags) throws LastErrorException;

        static native int getsockopt(int socket, int level, int name, IntByReference value, IntByReference length)
                throws LastErrorException;

        static native int close(int descriptor) throws LastErrorException;
    }
}
