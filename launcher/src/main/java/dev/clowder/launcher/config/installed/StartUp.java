package dev.clowder.launcher.config.installed;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.clowder.launcher.config.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What {@code catalina.sh} learns from {@code bin/setenv.sh} and the environment: the script is run by a shell, as there.
 * Immutable.
 *
 * @param options {@code JAVA_OPTS} and {@code CATALINA_OPTS}, split as a shell does
 * @param classPath {@code CLASSPATH}, only if {@code setenv.sh} sets it
 * @param java the JDK or JRE that {@code setenv.sh} names, null if it names none
 */
public record StartUp(
        List<String> options,
        List<Path> classPath,
        @Nullable Path java) {
    private static final long LIMIT_SECONDS = 10;
    private static final int FIRST_OPTION = 3;

    /** Prints JRE_HOME, JAVA_HOME, CLASSPATH and then one option after the other, each ended by a zero byte. */
    private static final String SCRIPT = """
            if [ -r "$0" ]; then . "$0" >&2; fi
            printf '%s\\0%s\\0%s\\0' "$JRE_HOME" "$JAVA_HOME" "$CLASSPATH"
            eval "set -- $JAVA_OPTS $CATALINA_OPTS"
            for option; do printf '%s\\0' "$option"; done
            """;

    public StartUp {
        options = List.copyOf(options);
        classPath = List.copyOf(classPath);
    }

    /**
     * Runs the script of the base directory or, if there is none, of the installation.
     *
     * @throws ConfigException if it fails or does not end within {@value #LIMIT_SECONDS} s
     */
    static StartUp of(Path base, Path home) throws ConfigException {
        Path own = base.resolve("bin/setenv.sh");
        Path script = Files.isReadable(own) ? own : home.resolve("bin/setenv.sh");
        ProcessBuilder builder = new ProcessBuilder("/bin/sh", "-c", SCRIPT, script.toString())
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        Map<String, String> environment = builder.environment();
        // The script may set them; those of this process are for this process.
        List.of("JRE_HOME", "JAVA_HOME", "CLASSPATH").forEach(environment::remove);
        environment.put("CATALINA_BASE", base.toString());
        environment.put("CATALINA_HOME", home.toString());
        try {
            Process process = builder.start();
            CompletableFuture<byte[]> output = CompletableFuture.supplyAsync(() -> read(process));
            if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new ConfigException(script + ": did not end within " + LIMIT_SECONDS + " s");
            }
            String[] words = new String(output.join(), UTF_8).split("\0", -1);
            if (process.exitValue() != 0 || words.length <= FIRST_OPTION) {
                throw new ConfigException(script + ": failed, exit code " + process.exitValue());
            }
            return parse(words);
        } catch (IOException e) {
            throw new ConfigException("/bin/sh: can't be run (" + e.getMessage() + ")");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ConfigException(script + ": interrupted");
        }
    }

    private static StartUp parse(String[] words) {
        List<Path> classPath = new ArrayList<>();
        for (String entry : words[2].split(":", -1)) {
            if (!entry.isEmpty()) {
                classPath.add(Path.of(entry).toAbsolutePath());
            }
        }
        String java = words[0].isEmpty() ? words[1] : words[0];
        List<String> options = List.of(words).subList(FIRST_OPTION, words.length - 1);
        return new StartUp(options, classPath, java.isEmpty() ? null : Path.of(java));
    }

    private static byte[] read(Process process) {
        try (var in = process.getInputStream()) {
            return in.readAllBytes();
        } catch (IOException e) {
            return new byte[0];
        }
    }
}
