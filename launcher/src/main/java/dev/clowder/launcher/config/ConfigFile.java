package dev.clowder.launcher.config;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The values of a {@code --config} file: used where nothing was typed. A name that is no option is an error. */
final class ConfigFile implements IDefaultValueProvider {
    private static final String OPTION = "--config";

    private final Properties values;

    private ConfigFile(Properties values) {
        this.values = values;
    }

    /**
     * Reads the file that the arguments name.
     *
     * @return null if they name none
     * @throws ConfigException if it can't be read or holds an unknown name
     */
    static @Nullable ConfigFile of(String[] arguments, CommandSpec run) throws ConfigException {
        Path path = named(arguments);
        if (path == null) {
            return null;
        }
        Properties values = new Properties();
        try (Reader reader = Files.newBufferedReader(path)) {
            values.load(reader);
        } catch (IOException | IllegalArgumentException e) {
            throw new ConfigException(OPTION + " " + path + ": can't be read (" + e.getMessage() + ")");
        }
        for (String name : new TreeSet<>(values.stringPropertyNames())) {
            OptionSpec option = run.findOption("--" + name);
            if (option == null || option.longestName().equals(OPTION) || option.usageHelp()) {
                throw new ConfigException(OPTION + " " + path + ": unknown name " + name);
            }
        }
        return new ConfigFile(values);
    }

    private static @Nullable Path named(String[] arguments) {
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i].startsWith(OPTION + "=")) {
                return Path.of(arguments[i].substring(OPTION.length() + 1));
            }
            if (arguments[i].equals(OPTION) && i + 1 < arguments.length) {
                return Path.of(arguments[i + 1]);
            }
        }
        return null;
    }

    @Override
    public @Nullable String defaultValue(ArgSpec argument) {
        if (argument instanceof OptionSpec option) {
            return values.getProperty(option.longestName().substring(2));
        }
        return null;
    }

    /** Lets the file answer for what is not typed. */
    static void apply(CommandLine run, String[] arguments) throws ConfigException {
        ConfigFile file = of(arguments, run.getCommandSpec());
        if (file != null) {
            run.setDefaultValueProvider(file);
        }
    }
}
