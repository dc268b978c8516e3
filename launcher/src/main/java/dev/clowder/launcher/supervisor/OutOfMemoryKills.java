package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How many processes of our own control group the kernel has killed for want of memory: the difference between that and
 * a SIGKILL from somebody. Linux; elsewhere it knows of none. Thread-safe.
 *
 * <p>Version 2: {@code memory.events}; version 1: {@code memory.oom_control} (Linux 4.13). Both count a kill by the limit of
 * the group, of a group above it, and of the whole machine. Without either {@code /proc/vmstat} counts those of the
 * machine.
 */
final class OutOfMemoryKills {
    private static final String KEY = "oom_kill ";

    private final @Nullable Path counter;
    private long accounted;

    /** @param root of the file system, for tests another one than {@code /} */
    OutOfMemoryKills(Path root) {
        counter = find(root);
        accounted = Math.max(0, read(counter));
    }

    /** Whether there is a kill that explains a death, and no other death has been explained by it. */
    synchronized boolean explainsOne() {
        if (read(counter) > accounted) {
            accounted++;
            return true;
        }
        return false;
    }

    private static @Nullable Path find(Path root) {
        for (String line : lines(root.resolve("proc/self/cgroup"))) {
            // hierarchy:controllers:path
            String[] parts = line.split(":", 3);
            if (parts.length < 3) {
                continue;
            }
            String group = parts[2].substring(Math.min(1, parts[2].length()));
            Path mounted = root.resolve("sys/fs/cgroup");
            String file = "memory.events";
            if (List.of(parts[1].split(",", -1)).contains("memory")) {
                mounted = mounted.resolve("memory");
                file = "memory.oom_control";
            } else if (!parts[1].isEmpty()) {
                continue;
            }
            // In a container the path may be the one outside; then the mount is the group itself.
            for (Path directory : List.of(mounted.resolve(group), mounted)) {
                if (read(directory.resolve(file)) >= 0) {
                    return directory.resolve(file);
                }
            }
        }
        Path machine = root.resolve("proc/vmstat");
        return read(machine) >= 0 ? machine : null;
    }

    /** -1 if it does not say. */
    private static long read(@Nullable Path file) {
        if (file != null) {
            for (String line : lines(file)) {
                if (line.startsWith(KEY)) {
                    return Long.parseLong(line.substring(KEY.length()).strip());
                }
            }
        }
        return -1;
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file, UTF_8);
        } catch (IOException e) {
            return List.of();
        }
    }
}
