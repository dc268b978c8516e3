package dev.clowder.launcher.worker.check;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** On which TCP ports this process listens, as Linux says. */
final class Ports {
    private static final String LISTEN = "0A";
    private static final int LOCAL_ADDRESS = 1;
    private static final int STATE = 3;
    private static final int INODE = 9;

    private Ports() {}

    /** Null where the system does not say. */
    static @Nullable Set<Integer> listening() {
        Set<Integer> ports = new HashSet<>();
        try {
            Set<String> inodes = sockets();
            for (String table : List.of("/proc/self/net/tcp", "/proc/self/net/tcp6")) {
                if (Files.exists(Path.of(table))) {
                    read(table, inodes, ports);
                }
            }
            return ports;
        } catch (IOException | RuntimeException e) {
            return null;
        }
    }

    private static void read(String table, Set<String> inodes, Set<Integer> ports) throws IOException {
        for (String line : Files.readAllLines(Path.of(table))) {
            String[] fields = line.trim().split("\\s+", -1);
            if (fields.length > INODE && fields[STATE].equals(LISTEN) && inodes.contains(fields[INODE])) {
                String address = fields[LOCAL_ADDRESS];
                ports.add(Integer.parseInt(address.substring(address.indexOf(':') + 1), 16));
            }
        }
    }

    private static Set<String> sockets() throws IOException {
        Set<String> inodes = new HashSet<>();
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path descriptor : descriptors) {
                String target;
                try {
                    target = Files.readSymbolicLink(descriptor).toString();
                } catch (IOException e) {
                    // It was closed meanwhile.
                    continue;
                }
                if (target.startsWith("socket:[")) {
                    inodes.add(target.substring("socket:[".length(), target.length() - 1));
                }
            }
        }
        return inodes;
    }
}
