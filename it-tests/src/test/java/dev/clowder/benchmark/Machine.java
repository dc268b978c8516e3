package dev.clowder.benchmark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What figures depend on, of this machine. */
final class Machine {
    private static final Path PROC = Path.of("/proc");

    private Machine() {}

    /** In words, by what they are. */
    static Map<String, String> facts() throws IOException {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put(
                "processors",
                Runtime.getRuntime().availableProcessors() + " of " + value("cpuinfo", "model name", "unknown make"));
        facts.put("memory", value("meminfo", "MemTotal", "unknown"));
        facts.put("kernel", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        facts.put("JDK", System.getProperty("java.runtime.version") + " (" + System.getProperty("java.vendor") + ")");
        facts.put(
                "load of the machine at the start",
                Files.readString(PROC.resolve("loadavg")).strip());
        return facts;
    }

    private static String value(String file, String name, String otherwise) throws IOException {
        return Files.readAllLines(PROC.resolve(file)).stream()
                .filter(line -> line.startsWith(name))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse(otherwise);
    }
}
