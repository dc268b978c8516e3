package dev.clowder.launcher.supervisor;

import com.sun.jna.Native;

/** The few system calls for which Java has no words, by JNA. Thread-safe. */
final class Posix {
    static final int SIGQUIT = 3;

    private static final boolean AVAILABLE = register();

    private Posix() {}

    /** Sends a signal; without effect where this platform has none, or the process is gone. */
    static void kill(long pid, int signal) {
        if (AVAILABLE) {
            C.kill((int) pid, signal);
        }
    }

    private static boolean register() {
        try {
            Native.register(C.class, "c");
            return true;
        } catch (UnsatisfiedLinkError e) {
            return false;
        }
    }

    /** Named as in the C library. */
    private static final class C {
        static native int kill(int pid, int signal);
    }
}
