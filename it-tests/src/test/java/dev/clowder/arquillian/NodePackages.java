package dev.clowder.arquillian;

import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** The packages of npm that {@code proxies/package-lock.json} names, installed beside it, once for each build. */
final class NodePackages {
    private static final long INSTALLED_WITHIN_SECONDS = 300;

    private NodePackages() {}

    /**
     * Returns the directory from which programs find the packages.
     *
     * @throws AssertionError if npm is not installed; the message has the command that installs it
     * @throws IOException if it fails; the message has what it said
     */
    static synchronized Path directory() throws IOException, InterruptedException {
        Path directory = lockFile().getParent();
        // What npm writes when all is there.
        Path installed = directory.resolve("node_modules/.package-lock.json");
        if (!Files.exists(installed)
                || Files.getLastModifiedTime(installed).compareTo(Files.getLastModifiedTime(lockFile())) < 0) {
            install(directory);
        }
        return directory;
    }

    private static Path lockFile() throws IOException {
        URL lock = NodePackages.class.getResource("/proxies/package-lock.json");
        try {
            if (lock == null) {
                throw new IOException("no proxies/package-lock.json on the class path");
            }
            return Path.of(lock.toURI());
        } catch (URISyntaxException e) {
            throw new IOException(e);
        }
    }

    private static void install(Path directory) throws IOException, InterruptedException {
        Path log = directory.resolve("npm.log");
        Process npm = new ProcessBuilder(RealProxy.find("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            npm.getOutputStream().close();
            boolean ended = npm.waitFor(INSTALLED_WITHIN_SECONDS, TimeUnit.SECONDS);
            if (!ended || npm.exitValue() != 0) {
                throw new IOException("npm ci in " + directory + (ended ? " failed: " : " did not end: ")
                        + Files.readString(log, StandardCharsets.UTF_8));
            }
        } finally {
            npm.descendants().forEach(ProcessHandle::destroyForcibly);
            npm.destroyForcibly();
        }
    }
}
