package dev.clowder.launcher.supervisor;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The few system calls for which Java has no words, by JNA. Thread-safe. Waiting does without JNA's own memory, which may
 * ask for a thread where the system has none more.
 */
final class Posix {
    static final int SIGQUIT = 3;
    /** An exit that nobody could see: the process was not our child. */
    static final int UNKNOWN_EXIT = -1;

    private static final int EINTR = 4;
    private static final int WNOHANG = 1;
    private static final long PIDFD_OPEN = 434;
    private static final int POLLIN = 1;
    private static final int F_SETFD = 2;
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    /** On Linux. */
    private static final int O_NONBLOCK = 0x800;

    private static final int FD_CLOEXEC = 1;
    /** Java reports death by a signal as 128 + number. */
    private static final int SIGNALLED = 128;

    private static final boolean AVAILABLE = register();

    private Posix() {}

    /** Sends a signal; without effect where this platform has none, or the process is gone. */
    static void kill(long pid, int signal) {
        if (AVAILABLE) {
            try {
                C.kill((int) pid, signal);
            } catch (LastErrorException e) {
                // Gone.
            }
        }
    }

    /**
     * Waits for the end of a process that Java did not start. A child is reaped.
     *
     * @return its exit code, 128 + the number of the signal that ended it, or {@link #UNKNOWN_EXIT} if it is no child
     */
    static int awaitExit(ProcessHandle process) {
        if (AVAILABLE) {
            int child = await(process.pid(), 0);
            if (child != UNKNOWN_EXIT) {
                return child;
            }
            if (awaitStranger((int) process.pid())) {
                return UNKNOWN_EXIT;
            }
        }
        // Looks now and then only.
        process.onExit().join();
        return UNKNOWN_EXIT;
    }

    /** Reaps a dead child; false if it is none, or not dead. */
    static boolean reap(long pid) {
        return AVAILABLE && await(pid, WNOHANG) != UNKNOWN_EXIT;
    }

    private static int await(long pid, int options) {
        int[] status = new int[1];
        while (true) {
            try {
                if (C.waitpid((int) pid, status, options) != pid) {
                    return UNKNOWN_EXIT;
                }
                int signal = status[0] & 0x7f;
                return signal == 0 ? (status[0] >> 8) & 0xff : SIGNALLED + signal;
            } catch (LastErrorException e) {
                if (e.getErrorCode() != EINTR) {
                    return UNKNOWN_EXIT;
                }
            }
        }
    }

    /** Returns at the end of the process; false when this kernel has no descriptors for processes (before 5.3). */
    private static boolean awaitStranger(int pid) {
        int descriptor;
        try {
            descriptor = (int) C.syscall(PIDFD_OPEN, pid, 0);
        } catch (LastErrorException e) {
            return false;
        }
        int[] poll = {descriptor, POLLIN};
        try {
            boolean waiting = true;
            while (waiting) {
                try {
                    C.poll(poll, 1, -1);
                    waiting = false;
                } catch (LastErrorException e) {
                    waiting = e.getErrorCode() == EINTR;
                }
            }
            return true;
        } finally {
            C.close(descriptor);
        }
    }

    /**
     * Replaces this process by another program, under the same pid. What is open stays open, but for what is marked.
     *
     * @param command the program's file, and behind it all its arguments beginning with its own name
     * @param environment as {@code NAME=value}
     * @throws IOException when it did not happen
     */
    static void exec(Path file, List<byte[]> command, List<byte[]> environment) throws IOException {
        if (!AVAILABLE) {
            throw new IOException("this platform can't replace a process");
        }
        try (Memory path = text(file.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
                Texts arguments = new Texts(command);
                Texts variables = new Texts(environment)) {
            C.execve(path, arguments.pointers, variables.pointers);
        } catch (LastErrorException e) {
            throw new IOException("can't run " + file + " (error " + e.getErrorCode() + ")", e);
        }
    }

    /** Marks all but standard input, output and error to be closed by {@link #exec}; Java does so with few of its own. */
    static void closeOnExec() throws IOException {
        try (DirectoryStream<Path> open = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path entry : open) {
                int descriptor = Integer.parseInt(entry.getFileName().toString());
                if (descriptor > 2) {
                    try {
                        C.fcntl(descriptor, F_SETFD, FD_CLOEXEC);
                    } catch (LastErrorException e) {
                        // Closed since it was listed.
                    }
                }
            }
        }
    }

    /**
     * Makes calls with a descriptor wait, in all processes that have it: the flag belongs to what is open. Linux; without
     * effect elsewhere, or if the descriptor is closed.
     */
    static void setBlocking(int descriptor) {
        if (AVAILABLE) {
            try {
                int flags = C.fcntl(descriptor, F_GETFL, 0);
                C.fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK);
            } catch (LastErrorException e) {
                // Closed.
            }
        }
    }

    private static Memory text(byte[] bytes) {
        Memory memory = new Memory(bytes.length + 1L);
        memory.write(0, bytes, 0, bytes.length);
        memory.setByte(bytes.length, (byte) 0);
        return memory;
    }

    /** An array of texts as C has it. */
    private static final class Texts implements AutoCloseable {
        final Memory pointers;
        private final List<Memory> texts;

        Texts(List<byte[]> values) {
            texts = values.stream().map(Posix::text).toList();
            pointers = new Memory((values.size() + 1L) * Native.POINTER_SIZE);
            for (int i = 0; i < texts.size(); i++) {
                pointers.setPointer((long) i * Native.POINTER_SIZE, texts.get(i));
            }
            pointers.setPointer((long) texts.size() * Native.POINTER_SIZE, Pointer.NULL);
        }

        @Override
        public void close() {
            texts.forEach(Memory::close);
            pointers.close();
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

    /** Named as in the C library. A result of -1 becomes an exception with errno. */
    private static final class C {
        static native int kill(int pid, int signal) throws LastErrorException;

        static native int waitpid(int pid, int[] status, int options) throws LastErrorException;

        static native long syscall(long number, long first, long second) throws LastErrorException;

        static native int poll(int[] descriptors, long count, int timeout) throws LastErrorException;

        static native int close(int descriptor);

        static native int fcntl(int descriptor, int command, long argument) throws LastErrorException;

        static native int execve(Pointer file, Pointer arguments, Pointer environment) throws LastErrorException;
    }
}
