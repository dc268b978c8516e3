package dev.clowder.launcher.config.installed;

import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/** Tomcat's {@code logging.properties} for N workers: each slot has log files of its own. */
public final class LoggingProperties {
    private static final String SLOT = "slot${clowder.worker.slot}.";

    private LoggingProperties() {}

    /**
     * Writes the base's file anew: file handlers put the slot's number into the name, and write into the given directory
     * what would go to the base's.
     *
     * @param base the {@code CATALINA_BASE}
     * @param logs where log files are kept
     * @param into file to write
     * @return false if the base has none
     * @throws IOException if it can't be read or written
     */
    public static boolean derive(Path base, Path logs, Path into) throws IOException {
        Path original = base.resolve("conf/logging.properties");
        if (!Files.isReadable(original)) {
            return false;
        }
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(original)) {
            properties.load(reader);
        }
        for (String name : properties.stringPropertyNames()) {
            String value = properties.getProperty(name);
            if (name.endsWith("FileHandler.prefix")) {
                properties.setProperty(name, value + SLOT);
            } else if (name.endsWith("FileHandler.directory") && value.strip().equals("${catalina.base}/logs")) {
                properties.setProperty(name, logs.toString());
            }
        }
        try (Writer writer = Files.newBufferedWriter(into)) {
            properties.store(writer, null);
        }
        return true;
    }
}
