package dev.clowder.launcher.cli;

import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.ConfigReader;
import dev.clowder.launcher.config.installed.CatalinaBase;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/**
 * Arguments of {@code run}, of a cluster that runs or may run one day: parsed as {@code run} does it, without looking at the
 * applications. Immutable.
 */
final class RunArguments {
    private final ParseResult parsed;
    private final Path directory;

    private RunArguments(ParseResult parsed, Path directory) {
        this.parsed = parsed;
        this.directory = directory;
    }

    /**
     * Parses them.
     *
     * @param directory what relative paths are relative to
     * @throws ConfigException if {@code run} would not understand them
     */
    static RunArguments parse(List<String> arguments, Path directory) throws ConfigException {
        CommandLine names = withoutApplications(ConfigReader.runCommand());
        try {
            // Once to make the paths absolute, and once more with the --config file that may be among them.
            RunArguments typed = new RunArguments(names.parseArgs(arguments.toArray(String[]::new)), directory);
            String[] absolute = typed.normal().toArray(String[]::new);
            CommandLine run = withoutApplications(ConfigReader.runCommand(absolute));
            return new RunArguments(run.parseArgs(absolute), directory);
        } catch (ParameterException e) {
            throw new ConfigException(String.valueOf(e.getMessage()));
        }
    }

    private static CommandLine withoutApplications(CommandLine run) {
        CommandSpec spec = run.getCommandSpec();
        PositionalParamSpec apps = spec.positionalParameters().get(0);
        spec.remove(apps);
        spec.add(PositionalParamSpec.builder(apps).arity("0..*").required(false).build());
        return run;
    }

    /** The same with the others behind them: what both name is as in the others, which also name the applications if any. */
    RunArguments with(RunArguments others) throws ConfigException {
        List<String> all = new ArrayList<>();
        for (OptionSpec option : parsed.matchedOptions()) {
            if (!others.parsed.hasMatchedOption(option.longestName())) {
                all.addAll(words(option));
            }
        }
        for (OptionSpec option : others.parsed.matchedOptions()) {
            all.addAll(others.words(option));
        }
        all.addAll(others.applications().isEmpty() ? applications() : others.applications());
        return parse(all, directory);
    }

    /** Without these options. */
    List<String> normal(String... without) {
        List<String> words = new ArrayList<>();
        for (OptionSpec option : parsed.matchedOptions()) {
            if (!List.of(without).contains(option.longestName())) {
                words.addAll(words(option));
            }
        }
        words.addAll(applications());
        return words;
    }

    private List<String> words(OptionSpec option) {
        List<String> words = new ArrayList<>();
        for (String value : option.originalStringValues()) {
            words.add(option.longestName());
            if (option.arity().max() > 0) {
                words.add(option.type() == Path.class ? absolute(value) : value);
            }
        }
        return words;
    }

    /** The applications, with absolute paths. */
    List<String> applications() {
        List<String> named = parsed.matchedPositionals().isEmpty()
                ? List.of()
                : parsed.matchedPositionals().get(0).originalStringValues();
        return named.stream().map(app -> absolute(app, directory)).toList();
    }

    private String absolute(String path) {
        return directory.resolve(path).normalize().toString();
    }

    /** An application as it is named for {@code run}, with or without a context path in front, for any working directory. */
    static String absolute(String application, Path directory) {
        int equals = application.indexOf('=');
        boolean mounted = application.startsWith("/")
                && equals > 0
                && !Path.of(application).toFile().exists();
        String path = mounted ? application.substring(0, equals + 1) : "";
        return path + directory.resolve(application.substring(path.length())).normalize();
    }

    /** What the option is, typed, from the {@code --config} file, or by default; null if it is nothing. */
    @Nullable
    String text(String option) {
        Object value = value(option);
        return value == null ? null : value.toString();
    }

    /** As {@link #text}, of an option that always has a value. */
    String text(String option, String otherwise) {
        String text = text(option);
        return text == null ? otherwise : text;
    }

    /** What a time option is. */
    Duration time(String option) {
        return value(option) instanceof Duration time ? time : Duration.ZERO;
    }

    /**
     * The installed Tomcat that is to run, null if it is the launcher's own.
     *
     * @throws ConfigException if {@code run} could not run it
     */
    @Nullable
    CatalinaBase installed() throws ConfigException {
        return value("--catalina-base") instanceof Path base
                ? CatalinaBase.open(
                        base,
                        value("--catalina-home") instanceof Path home ? home : null,
                        value("--worker-opts") instanceof List<?> options
                                ? options.stream().map(String::valueOf).toList()
                                : List.of())
                : null;
    }

    private @Nullable Object value(String option) {
        OptionSpec spec = parsed.commandSpec().findOption(option);
        return spec == null ? null : spec.getValue();
    }
}
