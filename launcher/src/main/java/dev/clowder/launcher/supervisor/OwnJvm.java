package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.clowder.launcher.config.JavaCommand;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.JMException;
import javax.management.ObjectName;

/**
 * The JVM of a supervisor. All it does is to watch, for months: it wants a small heap, little compiled code and a quick
 * start. A jar can't say so, and nobody should have to type it, so that the process which was started replaces itself,
 * under the same pid, by one with these flags, before it does anything else. Linux; elsewhere nothing happens.
 *
 * <p>Whoever gives the JVM a flag of their own, or sets a variable with flags, has decided about all of them.
 */
public final class OwnJvm {
    /** How many flags behind this one are ours. */
    private static final String PROPERTY = "clowder.own-flags";

    private static final Pattern MARK = Pattern.compile("-D" + Pattern.quote(PROPERTY) + "=(\\d{1,3})");

    /** Other than these on the command line of a JVM choose no flags. */
    private static final Set<String> PATHS = Set.of("-cp", "-classpath", "--class-path");

    private static final List<String> VARIABLES = List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS");

    /**
     * A quarter of a gigabyte is enough for a thousand open pages, 6 MB for everything else; what lives for a moment takes
     * turns in 1.5 MB. Code is compiled when it is called five times as often as usual, and well when ten times: accepting for
     * workers is, little else; compilers and what they make would cost more than all of the rest.
     */
    private static final List<String> SMALL = List.of(
            "-XX:+IgnoreUnrecognizedVMOptions",
            "-Xms6m",
            "-Xmn1536k",
            "-Xmx256m",
            "-Xss512k",
            "-XX:Tier3InvocationThreshold=1000",
            "-XX:Tier3MinInvocationThreshold=500",
            "-XX:Tier3CompileThreshold=10000",
            "-XX:Tier4InvocationThreshold=50000",
            "-XX:Tier4MinInvocationThreshold=6000",
            "-XX:Tier4CompileThreshold=150000",
            "-XX:Tier4BackEdgeThreshold=400000");

    /** In a line such as {@code |--|--java.util.List/null (intf)}; hidden classes have a slash and an address more. */
    private static final Pattern CLASS =
            Pattern.compile("(?m)^[|-]*([\\w.$]+)/(?:null|0x\\p{XDigit}+)(?: \\(intf\\))?$");

    private OwnJvm() {}

    /**
     * Becomes such a JVM. Returns if this is one already, if somebody chose flags, or if it can't be done: the JVM that
     * runs is good enough.
     *
     * @param arguments those of the program, which are the end of this process's command
     */
    public static void become(List<String> arguments, Map<String, String> environment) {
        if (System.getProperty(PROPERTY) != null || VARIABLES.stream().anyMatch(environment::containsKey)) {
            return;
        }
        try {
            List<byte[]> command = OwnProcess.command(arguments);
            if (!hasFlags(command.subList(1, command.size() - arguments.size()))) {
                List<String> flags = flags(arguments, environment);
                flags.add(0, "-D" + PROPERTY + "=" + flags.size());
                command.addAll(
                        1,
                        flags.stream()
                                .map(flag -> flag.getBytes(OwnProcess.charset()))
                                .toList());
                // What was passed to this process stays open: sockets of systemd, /dev/fd/63 of a shell.
                Posix.exec(Path.of("/proc/self/exe").toRealPath(), command, OwnProcess.environment());
            }
        } catch (IOException e) {
            // No /proc, or a process that may not start another program.
        }
    }

    /**
     * The names of all classes that this JVM has loaded by now, but for those that it has made up itself: with them an
     * archive of the workers serves their supervisor too. Empty if this JVM does not tell.
     */
    static List<String> loadedClasses() {
        try {
            ObjectName commands = new ObjectName("com.sun.management:type=DiagnosticCommand");
            Object text = ManagementFactory.getPlatformMBeanServer()
                    .invoke(commands, "vmClassHierarchy", new Object[] {new String[] {"-i"}}, new String[] {
                        String[].class.getName()
                    });
            return CLASS.matcher(String.valueOf(text))
                    .results()
                    .map(found -> found.group(1))
                    .distinct()
                    .toList();
        } catch (JMException e) {
            return List.of();
        }
    }

    /** A command without what was added here, so that whoever runs it chooses anew. */
    public static <T> List<T> withoutFlags(List<T> command, Function<T, String> text) {
        List<T> without = new ArrayList<>(command);
        for (int i = 0; i < without.size(); i++) {
            Matcher mark = MARK.matcher(text.apply(without.get(i)));
            if (mark.matches()) {
                int end = Math.min(without.size(), i + 1 + Integer.parseInt(mark.group(1)));
                without.subList(i, end).clear();
            }
        }
        return without;
    }

    private static boolean hasFlags(List<byte[]> jvm) {
        for (int i = 0; i < jvm.size(); i++) {
            String argument = new String(jvm.get(i), UTF_8);
            if (PATHS.contains(argument)) {
                i++;
            } else if ((argument.startsWith("-") && !argument.startsWith("-D") && !argument.equals("-jar"))
                    || argument.startsWith("@")) {
                return true;
            }
        }
        return false;
    }

    private static List<String> flags(List<String> arguments, Map<String, String> environment) {
        List<String> flags = new ArrayList<>(SMALL);
        flags.addAll(JvmHost.standardFlags(Runtime.version().feature()));
        // Whoever says something about archives does not want to be surprised by one.
        if (arguments.stream().noneMatch(argument -> argument.startsWith("--class-archive"))) {
            flags.addAll(archive(environment));
        }
        return flags;
    }

    /** That of workers with the standard flags serves their supervisor too; it is theirs to make it. */
    private static List<String> archive(Map<String, String> environment) {
        int version = Runtime.version().feature();
        try {
            ArchiveKind kind =
                    ArchiveKind.of(version, JavaCommand.own(), JvmHost.classPath(), JvmHost.standardFlags(version));
            Path directory = ArchiveDirectory.path(environment);
            Path archive = Files.isDirectory(directory)
                    ? ArchiveDirectory.open(directory).find(kind.key())
                    : null;
            return archive == null ? List.of() : kind.using(archive);
        } catch (IOException e) {
            // The workers' supervisor says what is wrong there.
            return List.of();
        }
    }
}
