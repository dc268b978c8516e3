package dev.clowder.launcher.supervisor;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.StringArray;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A process that does what systemd does for a socket unit: listens, and becomes the service with the socket at 3. */
public final class PassedSocket {
    static {
        Native.register(C.class, "c");
    }

    private PassedSocket() {}

    /** Arguments: ports on 127.0.0.1, the names of the descriptors, each joined by a colon, and the command. */
    public static void main(String[] arguments) {
        String[] ports = arguments[0].split(":", -1);
        List<Integer> listeners = new ArrayList<>();
        for (String port : ports) {
            listeners.add(listener(Integer.parseInt(port)));
        }
        C.setenv("LISTEN_PID", String.valueOf(ProcessHandle.current().pid()), 1);
        C.setenv("LISTEN_FDS", String.valueOf(ports.length), 1);
        C.setenv("LISTEN_FDNAMES", arguments[1], 1);
        StringArray command = new StringArray(Arrays.copyOfRange(arguments, 2, arguments.length));
        // The copies are not closed on exec.
        for (int i = 0; i < ports.length; i++) {
            C.dup2(listeners.get(i), 3 + i);
        }
        C.execv(arguments[2], command);
    }

    /** A new descriptor of this process that listens on 127.0.0.1 and belongs to the caller. */
    static int listener(int port) {
        int listener = C.socket(2, 1 | 0x80000, 0);
        try (Memory on = new Memory(4);
                Memory address = new Memory(16)) {
            on.setInt(0, 1);
            C.setsockopt(listener, 1, 2, on, 4);
            address.clear();
            address.setShort(0, (short) 2);
            address.write(2, new byte[] {(byte) (port >> 8), (byte) port, 127, 0, 0, 1}, 0, 6);
            C.bind(listener, address, 16);
        }
        C.listen(listener, 16);
        return listener;
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
