package dev.clowder.it;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/** What the kernel says of the listening socket of a port, as a process has it. Linux. */
final class ListeningSocket {
    private static final String LISTENING = "0A";
    private static final int O_NONBLOCK = 0x800;
    private static final int HEX = 16;
    private static final int OCTAL = 8;

    private ListeningSocket() {}

    /**
     * Whether an accept waits in the kernel, in a queue with those of the other processes.
     *
     * @throws IOException if the process has no such socket
     */
    static boolean isBlocking(long pid, int port) throws IOException {
        Path process = Path.of("/proc", String.valueOf(pid));
        Set<String> sockets = sockets(process, port);
        try (DirectoryStream<Path> open = Files.newDirectoryStream(process.resolve("fd"))) {
            for (Path descriptor : open) {
                if (Files.isSymbolicLink(descriptor)
                        && sockets.contains(Files.readSymbolicLink(descriptor).toString())) {
                    return (flags(process, descriptor) & O_NONBLOCK) == 0;
                }
            }
        }
        throw new IOException("process " + pid + " does not listen on port " + port);
    }

    /** As links of descriptors name them. Of fields 2, 4 and 10 of a line of the kernel's table. */
    private static Set<String> sockets(Path process, int port) throws IOException {
        Set<String> sockets = new HashSet<>();
        for (String table : new String[] {"tcp", "tcp6"}) {
            for (String line : Files.readAllLines(process.resolve("net").resolve(table))) {
                String[] fields = line.strip().split("\\s+", -1);
                if (fields[3].equals(LISTENING)
                        && Integer.parseInt(fields[1].substring(fields[1].indexOf(':') + 1), HEX) == port) {
                    sockets.add("socket:[" + fields[9] + "]");
                }
            }
        }
        return sockets;
    }

    private static int flags(Path process, Path descriptor) throws IOException {
        for (String line : Files.readAllLines(
                process.resolve("fdinfo").resolve(descriptor.getFileName().toString()))) {
            if (line.startsWith("flags:")) {
                return Integer.parseInt(line.substring("flags:".length()).strip(), OCTAL);
            }
        }
        throw new IOException("no flags of " + descriptor);
    }
}
