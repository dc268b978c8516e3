package dev.clowder.launcher.check;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.clowder.launcher.config.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What is known and accepted: a file with one finding a line, {@code RULE CAUSE}; {@code #} begins a comment line. */
final class Baseline {
    private final Set<String> accepted;

    private Baseline(Set<String> accepted) {
        this.accepted = accepted;
    }

    static Baseline none() {
        return new Baseline(Set.of());
    }

    /**
     * Reads it.
     *
     * @throws ConfigException if it can't be read, or names a rule that there is not
     */
    static Baseline read(Path file) throws ConfigException {
        Set<String> accepted = new HashSet<>();
        int number = 0;
        try {
            for (String line : Files.readAllLines(file, UTF_8)) {
                number++;
                String key = line.trim();
                if (key.isEmpty() || key.startsWith("#")) {
                    continue;
                }
                if (!isRule(key.replaceFirst(" .*", ""))) {
                    throw new ConfigException("--baseline " + file + ": line " + number + ": no rule is called "
                            + key.replaceFirst(" .*", ""));
                }
                accepted.add(key);
            }
        } catch (IOException e) {
            throw new ConfigException("--baseline " + file + ": "
                    + (Files.exists(file) ? "can't be read (" + e.getMessage() + ")" : "no such file"));
        }
        return new Baseline(accepted);
    }

    private static boolean isRule(String id) {
        for (Rule rule : Rule.values()) {
            if (rule.id().equals(id)) {
                return true;
            }
        }
        return false;
    }

    /** Marks what is known. */
    void applyTo(Findings findings) {
        findings.list().stream()
                .filter(finding -> accepted.contains(finding.key()))
                .forEach(Finding::accept);
    }

    /** Writes one that accepts all of these. */
    static void write(Path file, Findings findings) throws IOException {
        List<String> lines = new ArrayList<>(List.of("# Accepted findings of clowder check: rule and cause."));
        findings.list().forEach(finding -> lines.add(finding.key()));
        Files.write(file, lines, UTF_8);
    }
}
