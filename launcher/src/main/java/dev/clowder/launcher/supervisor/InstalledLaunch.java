package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.installed.CatalinaBase;
import dev.clowder.launcher.config.installed.LoggingProperties;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * How a worker's JVM is started for an installed Tomcat: with the class path of {@code catalina.sh} and, instead of the
 * launcher's jar, only the few classes that find everything else. Immutable.
 */
final class InstalledLaunch {
    private static final String BOOT = "dev.clowder.launcher.worker.boot.Boot";
    private static final List<String> BOOT_CLASSES = List.of(BOOT, "dev.clowder.launcher.worker.boot.WorkerLoader");
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String UMASK = "Umask:";

    private final CatalinaBase tomcat;
    private final Path boot;
    private final @Nullable Path logging;

    private InstalledLaunch(CatalinaBase tomcat, Path boot, @Nullable Path logging) {
        this.tomcat = tomcat;
        this.boot = boot;
        this.logging = logging;
    }

    /**
     * Writes the files that workers need for it.
     *
     * @param logs where Tomcat's log files are kept
     */
    static InstalledLaunch prepare(CatalinaBase tomcat, RunDirectory directory, Path logs) throws IOException {
        Path boot = directory.boot();
        for (String name : BOOT_CLASSES) {
            String file = name.replace('.', '/') + ".class";
            Path target = boot.resolve(file);
            Files.createDirectories(target.getParent());
            try (InputStream content = InstalledLaunch.class.getClassLoader().getResourceAsStream(file)) {
                if (content == null) {
                    throw new IOException("the launcher's jar has no " + file);
                }
                Files.write(target, content.readAllBytes());
            }
        }
        Path logging = directory.loggingProperties();
        return new InstalledLaunch(
                tomcat, boot, LoggingProperties.derive(tomcat.base(), logs, logging) ? logging : null);
    }

    /** What {@code catalina.sh} defines, besides what opens packages. */
    List<String> definitions() {
        List<String> flags = new ArrayList<>();
        if (logging != null) {
            flags.add("-Djava.util.logging.config.file=" + logging);
        }
        flags.add("-Djava.util.logging.manager=org.apache.juli.ClassLoaderLogManager");
        flags.add("-Djdk.tls.ephemeralDHKeySize=2048");
        flags.add("-Djava.protocol.handler.pkgs=org.apache.catalina.webresources");
        String umask = umask();
        if (umask != null) {
            flags.add("-Dorg.apache.catalina.security.SecurityListener.UMASK=" + umask);
        }
        flags.add("-Dcatalina.base=" + tomcat.base());
        flags.add("-Dcatalina.home=" + tomcat.home());
        return flags;
    }

    /**
     * Class path, main class, and the arguments that stand before those of the worker's own main class.
     *
     * @param launcher the launcher's class path
     */
    List<String> main(String launcher, String workerMain) {
        List<Path> classPath = new ArrayList<>(tomcat.classPath());
        classPath.add(boot);
        String joined = classPath.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
        return List.of("-cp", joined, BOOT, launcher, workerMain);
    }

    private static @Nullable String umask() {
        try {
            return Files.readAllLines(STATUS).stream()
                    .filter(line -> line.startsWith(UMASK))
                    .map(line -> line.substring(UMASK.length()).strip())
                    .findFirst()
                    .orElse(null);
        } catch (IOException e) {
            return null;
        }
    }
}
