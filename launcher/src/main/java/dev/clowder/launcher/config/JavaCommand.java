package dev.clowder.launcher.config;

import java.nio.file.Path;

/** Where a JDK has its {@code java}. */
public final class JavaCommand {
    private JavaCommand() {}

    /** That of the JVM that runs here. */
    public static Path own() {
        return in(Path.of(System.getProperty("java.home")));
    }

    /** That of the JDK in this directory, if there is one. */
    static Path in(Path home) {
        return home.resolve("bin").resolve(System.getProperty("os.name").startsWith("Windows") ? "java.exe" : "java");
    }
}
