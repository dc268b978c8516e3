package dev.clowder.launcher.config;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Judges the options about what the cluster tells of itself; adds to the problems of {@link ConfigReader}. */
final class ReportingReader {
    private static final int SHORTEST_TOKEN = 16;
    private static final int LONGEST_TOKEN = 1024;

    private final RunOptions options;
    private final List<String> problems;

    ReportingReader(RunOptions options, List<String> problems) {
        this.options = options;
        this.problems = problems;
    }

    Reporting read() {
        String format = options.logFormat;
        if (!format.equals("text") && !format.equals("json")) {
            problems.add("--log-format " + format + ": use text or json");
        }
        String command = options.onEvent;
        if (command != null && command.isBlank()) {
            problems.add("--on-event: empty; name a command, such as \"logger -t clowder\"");
        }
        return new Reporting(admin(), command, format.equals("json"));
    }

    private Reporting.@Nullable Admin admin() {
        ListenAddress place = options.admin;
        if (place == null) {
            if (options.adminToken != null) {
                problems.add("--admin-token " + options.adminToken + ": name the --admin port too");
            }
            return null;
        }
        InetAddress address = place.address() == null ? InetAddress.getLoopbackAddress() : place.address();
        if (options.adminToken == null && !address.isLoopbackAddress()) {
            problems.add("--admin " + place + ": others than this machine can reach it; name a file with a secret by"
                    + " --admin-token");
        }
        boolean taken = options.port != null && options.port != 0 && options.port == place.port();
        if (taken) {
            problems.add("--admin " + place + ": that is --port already");
        }
        return new Reporting.Admin(
                new InetSocketAddress(address, place.port()),
                options.adminToken == null ? null : token(options.adminToken));
    }

    private @Nullable String token(Path file) {
        try {
            if (Files.size(file) > LONGEST_TOKEN) {
                problems.add("--admin-token " + file + ": longer than " + LONGEST_TOKEN + " bytes");
                return null;
            }
            String token = Files.readString(file).strip();
            if (token.length() < SHORTEST_TOKEN || !token.chars().allMatch(c -> c > ' ' && c < 127 && c != ':')) {
                problems.add("--admin-token " + file + ": must hold one secret of " + SHORTEST_TOKEN
                        + " characters or more, without spaces and colons; make one with: openssl rand -hex 32");
            }
            if (Files.getFileStore(file).supportsFileAttributeView("posix")
                    && Files.getPosixFilePermissions(file).contains(PosixFilePermission.OTHERS_READ)) {
                problems.add("--admin-token " + file + ": everybody may read it; chmod 600 " + file);
            }
            return token;
        } catch (IOException e) {
            problems.add(
                    "--admin-token " + file + ": can't be read (" + e.getClass().getSimpleName() + ")");
            return null;
        }
    }
}
