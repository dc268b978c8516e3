package dev.clowder.launcher.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/** Finds out what is meant by {@code APP}: a file or a directory, and where it is mounted. */
public final class AppReader {
    private final List<String> problems;

    /**
     * Makes a reader.
     *
     * @param problems gets every problem found, one line each
     */
    AppReader(List<String> problems) {
        this.problems = problems;
    }

    /**
     * Checks applications that are named while a cluster runs.
     *
     * @throws ConfigException with every problem found, one line each
     */
    public static List<App> check(List<String> named) throws ConfigException {
        List<String> problems = new ArrayList<>();
        List<App> apps = new AppReader(problems).read(named);
        if (apps.isEmpty() && problems.isEmpty()) {
            problems.add("deploy: name at least one application");
        }
        if (!problems.isEmpty()) {
            throw new ConfigException(problems);
        }
        return apps;
    }

    /** Those of the applications that can be run; what is wrong with the others is among the problems then. */
    List<App> read(List<String> named) {
        boolean single = named.size() == 1;
        Map<String, String> mounted = new HashMap<>();
        List<App> apps = new ArrayList<>();
        for (String text : named) {
            App app;
            try {
                app = app(text, single);
            } catch (InvalidPathException e) {
                problems.add(text + ": not a file name (" + e.getReason() + ")");
                continue;
            }
            if (app == null) {
                continue;
            }
            String other = mounted.putIfAbsent(app.contextPath(), text);
            if (other != null) {
                problems.add(text + ": " + app.mount() + " is taken by " + other + "; put /path= before one of them");
            }
            apps.add(app);
        }
        return apps;
    }

    private @Nullable App app(String text, boolean single) {
        int equals = text.indexOf('=');
        // An absolute file name may hold a '=' too; a file that is there is meant.
        boolean mounted = text.startsWith("/") && equals > 0 && !Files.exists(Path.of(text));
        Path source = Path.of(mounted ? text.substring(equals + 1) : text)
                .toAbsolutePath()
                .normalize();
        String problem = sourceProblem(source);
        if (problem != null) {
            problems.add(text + ": " + problem);
            return null;
        }
        if (!mounted) {
            String name = source.getFileName().toString();
            return new App(single ? "" : pathOf(name), source);
        }
        String path = text.substring(0, equals);
        if (path.equals("/")) {
            return new App("", source);
        }
        if (!path.matches("(/[A-Za-z0-9._~@:+-]+)+") || path.contains("/../") || path.endsWith("/..")) {
            problems.add(text + ": " + path + " is not a context path, use / or /name");
            return null;
        }
        return new App(path, source);
    }

    /** As Tomcat names the context of a file: {@code ROOT} is the root, {@code a#b##7.war} is /a/b in version 7. */
    private static String pathOf(String fileName) {
        String name = fileName.replaceFirst("(?i)\\.war$", "").replaceFirst("##.*", "");
        return name.equals("ROOT") ? "" : "/" + name.replace('#', '/');
    }

    private static @Nullable String sourceProblem(Path source) {
        if (source.getFileName() == null) {
            return "the file system root is no application";
        }
        if (Files.isDirectory(source)) {
            return Files.isReadable(source) ? null : "can't read this directory";
        }
        if (!Files.exists(source)) {
            return "no such file or directory";
        }
        if (!source.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".war")) {
            return "not a .war file or a directory";
        }
        if (!Files.isReadable(source)) {
            return "can't read this file";
        }
        try (ZipFile zip = new ZipFile(source.toFile())) {
            return zip.size() == 0 ? "an empty archive" : null;
        } catch (IOException e) {
            return "not a valid .war file (" + e.getMessage() + ")";
        }
    }
}
