package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which class-data archive a worker's command line asks for: an AOT cache from Java 25 on (JEP 483, 514), a dynamic archive
 * before (JEP 350). The JVM leaves one that does not fit alone and goes on without it; the key keeps those apart that do
 * not fit each other. Immutable.
 *
 * @param javaVersion feature release of the workers' JVM
 * @param java its command
 * @param classPath of the workers
 * @param flags those of the workers that an archive depends on
 */
record ArchiveKind(int javaVersion, Path java, String classPath, List<String> flags) {
    /** Java 24 has a cache too, but makes it in two runs. */
    private static final int FIRST_WITH_CACHE = 25;

    private static final Pattern MATTERS = Pattern.compile("-XX:[+-]Use\\w*GC|-XX:[+-]ZGenerational"
            + "|-XX:[+-]UseCompressed\\w+|-XX:[+-]UseCompactObjectHeaders|-XX:ObjectAlignmentInBytes=.+"
            + "|-XX:[+-]Unlock\\w+|--add-[a-z]+=.+|--enable-.+");

    private static final Pattern DECIDED =
            Pattern.compile("-Xshare:.*|-XX:(SharedArchiveFile|SharedClassListFile|ArchiveClassesAtExit|AOT\\w+)=.*"
                    + "|-XX:[+-](AutoCreateSharedArchive|RecordDynamicDumpInfo|UseSharedSpaces)");

    ArchiveKind {
        flags = List.copyOf(flags);
    }

    /** What matters of a worker's flags. */
    static ArchiveKind of(int javaVersion, Path java, String classPath, List<String> all) {
        List<String> flags =
                all.stream().filter(flag -> MATTERS.matcher(flag).matches()).toList();
        return new ArchiveKind(javaVersion, java, classPath, flags);
    }

    /** Why there can be no archive; null if there can. */
    @Nullable
    String obstacle(List<String> own) {
        for (String flag : own) {
            if (DECIDED.matcher(flag).matches()) {
                return "--worker-opts has " + flag;
            }
        }
        for (String entry : classPath.split(File.pathSeparator, -1)) {
            if (!Files.isRegularFile(Path.of(entry))) {
                return "the class path has " + entry + ", which is no jar";
            }
        }
        return null;
    }

    /**
     * Sixteen characters for a file name: another JVM, other jars or other flags have another.
     *
     * @throws IOException if the JVM or a jar can't be read
     */
    String key() throws IOException {
        Path command = java.toRealPath();
        Path home = command.resolve("../..").normalize();
        MessageDigest digest = sha256();
        add(digest, javaVersion + " " + Version.text() + " " + command);
        for (String part : List.of("release", "lib/modules", "lib/server/libjvm.so")) {
            add(digest, state(home.resolve(part)));
        }
        for (String entry : classPath.split(File.pathSeparator, -1)) {
            add(digest, state(Path.of(entry)));
        }
        flags.forEach(flag -> add(digest, flag));
        return HexFormat.of().formatHex(digest.digest(), 0, 8);
    }

    /** For a worker: it uses the archive, and says nothing if it can't. */
    List<String> using(Path archive) {
        boolean cache = javaVersion >= FIRST_WITH_CACHE;
        // Falling back is the default, and must not be asked for: a JVM with -XX:AOTCache does not start with -Xshare.
        return List.of(
                (cache ? "-XX:AOTCache=" : "-XX:SharedArchiveFile=") + archive,
                // Elsewhere than where it was made for a JVM rewrites each page, and has them all for itself.
                "-XX:+UnlockDiagnosticVMOptions",
                "-XX:ArchiveRelocationMode=0",
                quiet());
    }

    /** For a process whose classes go into the archive when it ends. */
    List<String> making(Path archive) {
        boolean cache = javaVersion >= FIRST_WITH_CACHE;
        List<String> making = new ArrayList<>(flags);
        making.add((cache ? "-XX:AOTCacheOutput=" : "-XX:ArchiveClassesAtExit=") + archive);
        making.add(quiet());
        return making;
    }

    /** Errors are still told; warnings name each class that no archive can hold. */
    private String quiet() {
        return javaVersion >= FIRST_WITH_CACHE ? "-Xlog:aot*=error" : "-Xlog:cds*=error,class+path=error";
    }

    private static String state(Path file) throws IOException {
        if (!Files.exists(file)) {
            return file + " absent";
        }
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        return file + " " + attributes.size() + " " + attributes.lastModifiedTime();
    }

    private static void add(MessageDigest digest, String text) {
        digest.update((text + "\n").getBytes(UTF_8));
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has it", e);
        }
    }
}
