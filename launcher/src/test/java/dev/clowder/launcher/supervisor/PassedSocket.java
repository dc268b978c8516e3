package dev.clowder.launcher.supervisor;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.StringArray;
import java.util.Arrays;

/** A process that does what systemd does for a socket unit: listens, and becomes the service with the socket at 3. */
public final class PassedSocket {
    static {
        Native.register(C.class, "c");
    }

    private PassedSocket() {}

    /** Arguments: the port on 127.0.0.1, the name of the descriptor, and the command. */
    public static void main(String[] arguments) {
        int listener = C.socket(2, 1 | 0x80000, 0);
        try (Memory on = new Memory(4);
                Memory address = new Memory(16)) {
            on.setInt(0, 1);
            C.setsockopt(listener, 1, 2, on, 4);
            int port = Integer.parseInt(arguments[0]);
            address.clear();
            address.setShort(0, (short) 2);
            address.write(2, new byte[] {(byte) (port >> 8), (byte) port, 127, 0, 0, 1}, 0, 6);
            C.bind(listener, address, 16);
        }
        C.listen(listener, 16);
        C.setenv("LISTEN_PID", String.valueOf(ProcessHandle.current().pid()), 1);
        C.setenv("LISTEN_FDS", "1", 1);
        C.setenv("LISTEN_FDNAMES", arguments[1], 1);
        StringArray command = new StringArray(Arrays.copyOfRange(arguments, 2, arguments.length));
        // The copy is not closed on exec.
        C.dup2(listener, 3);
        C.execv(arguments[2], command);
    }

    private static final class C {
        static native int socket(int domain, int type, int protocol) throws LastErrorException;

        static native int setsockopt(int socket, int level, int name, Pointer value, int length)
                throws LastErrorException;

        static native int bind(int socket, Pointer address, int length) throws LastErrorException;

        static native int listen(int socket, int backlog) throws LastErrorException;

        static native int setenv(String name, String value, int overwrite) throws LastErrorException;

        static native int dup2(int from, int to) throws LastErrorException;

        static native int execv(String path, Pointer arguments) throws LastErrorException;
    }
}
