package dev.clowder.valve;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The file of {@code trustFile}: one rule a line, {@code #} begins a comment. Used by one thread at a time.
 *
 * <p>A file that somebody is writing may end in half a rule, and {@code 10.0.0.0/1} is a valid half of
 * {@code 10.0.0.0/16}. So a change counts only when two looks in a row found the same file.
 */
final class TrustFile {

    private static final long LARGEST = 16L << 20;

    /** More than any address, range or name has; what is longer is not repeated in a message. */
    private static final int LONGEST_RULE = 100;

    /** What tells one version of the file from another; null while there is no readable file. */
    private record Version(
            FileTime modified, long size, @Nullable Object key) {}

    private final Path path;
    private @Nullable Version read;
    private @Nullable Version seen;
    /** Whether there is more to try with the version that was read last: permission, descriptors, a disk far away. */
    private boolean mayBeReadLater;

    TrustFile(Path path) {
        this.path = path;
    }

    /** Looks once; true if the file is another than the one that was read last, or could not be read, and has come to rest. */
    boolean hasChanged() {
        Version now = version();
        boolean atRest = same(now, seen);
        seen = now;
        return atRest && (mayBeReadLater || !same(now, read));
    }

    /**
     * Reads the rules, each checked on its own.
     *
     * @throws IllegalArgumentException naming the file, and the line and its text if a rule is bad
     */
    List<String> read() {
        read = version();
        seen = read;
        mayBeReadLater = false;
        List<String> lines = lines();
        List<String> rules = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            int comment = lines.get(i).indexOf('#');
            String rule = (comment < 0 ? lines.get(i) : lines.get(i).substring(0, comment)).trim();
            if (!rule.isEmpty()) {
                if (rule.length() > LONGEST_RULE) {
                    throw refused(
                            "line " + (i + 1) + ": no rule is that long: '" + rule.substring(0, LONGEST_RULE) + "...'",
                            null);
                }
                try {
                    TrustedProxies.checkRule(rule);
                } catch (IllegalArgumentException e) {
                    throw refused("line " + (i + 1) + ": " + e.getMessage(), e);
                }
                rules.add(rule);
            }
        }
        if (rules.isEmpty()) {
            throw refused("there is no rule in it", null);
        }
        return rules;
    }

    private List<String> lines() {
        try {
            // A pipe or a device may have no end, and a pipe without a writer would stop the start.
            if (Files.exists(path) && !Files.isRegularFile(path)) {
                throw refused("is no regular file", null);
            }
            if (Files.size(path) > LARGEST) {
                throw refused("is larger than " + LARGEST + " bytes", null);
            }
            return Files.readAllLines(path);
        } catch (NoSuchFileException e) {
            throw refused("there is no such file", e);
        } catch (CharacterCodingException e) {
            throw refused("is no UTF-8 text", e);
        } catch (IOException e) {
            mayBeReadLater = true;
            throw refused("can't be read: " + e, e);
        }
    }

    private IllegalArgumentException refused(String why, @Nullable Exception cause) {
        return ForwardedPolicy.refused("trustFile", path.toString(), why, cause);
    }

    private @Nullable Version version() {
        try {
            BasicFileAttributes file = Files.readAttributes(path, BasicFileAttributes.class);
            return new Version(file.lastModifiedTime(), file.size(), file.fileKey());
        } catch (IOException e) {
            return null;
        }
    }

    private static boolean same(@Nullable Version one, @Nullable Version other) {
        return one == null ? other == null : one.equals(other);
    }
}
