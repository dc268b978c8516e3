package dev.clowder.launcher.config;

import java.nio.file.Path;

/**
 * One web application as the operator named it.
 *
 * @param contextPath where it is mounted, as Tomcat writes it: empty for the root, else {@code /name} without a
 *     trailing slash
 * @param source a {@code .war} file or an exploded directory, absolute
 */
public record App(String contextPath, Path source) {

    /** The context path as people write it: {@code /} for the root. */
    public String mount() {
        return contextPath.isEmpty() ? "/" : contextPath;
    }
}
