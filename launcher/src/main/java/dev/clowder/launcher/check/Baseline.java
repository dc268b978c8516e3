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

/**
 * What is known and accepted: a file with one finding a line, {@code RULE CAUSE}; {@code #} begins a comment line. An
 * answer that a finding explains has a line of its own, {@code RULE CAUSE => REQUEST}: otherwise a cause that is known once
 * would hide whatever else goes wrong with a request that has to do with it.
 */
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

    /** Marks what is known. What only a known finding explained is one by itself, if nobody accepted that. */
    void applyTo(Findings findings) {
        for (Finding finding : findings.list()) {
            if (accepted.contains(finding.key())) {
                for (Finding.Effect effect : finding.effects()) {
                    if (!accepted.contains(finding.key(effect))) {
                        Finding alone = findings.of(effect.rule(), effect.request());
                        alone.add(effect.line());
                        alone.add("the baseline knows " + finding.key() + ", but not that it changes this answer");
                    }
                }
            }
        }
        findings.list().stream()
                .filter(finding -> accepted.contains(finding.key()))
                .forEach(Finding::accept);
    }

    /** Writes one that accepts all of these. */
    static void write(Path file, Findings findings) throws IOException {
        List<String> lines = new ArrayList<>(List.of("# Accepted findings of clowder check: rule and cause."));
        findings.list().forEach(finding -> {
            lines.add(finding.key());
            finding.effects().forEach(effect -> lines.add(finding.key(effect)));
        });
        Files.write(file, lines, UTF_8);
    }
}
