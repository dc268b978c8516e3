package dev.clowder.launcher.cli;

import dev.clowder.launcher.supervisor.Version;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;

/** The commands but those that start a cluster themselves; each exits with the contract's code. */
@Command(
        name = "clowder",
        description = "One Tomcat per core, and a request that tells the truth about its client.",
        synopsisSubcommandLabel = "COMMAND",
        versionProvider = CommandLines.ShownVersion.class)
public final class CommandLines {
    public static final int USAGE = 2;
    public static final int NO_CLUSTER = 5;

    @Option(names = "--help", usageHelp = true, description = "show this")
    boolean help;

    @Option(names = "--version", versionHelp = true, description = "show the version")
    boolean version;

    /** In the order of the help. */
    private static final Map<String, Supplier<Object>> OTHERS = others();

    /**
     * The command that is called, or all, so that the help shows them: an annotated class costs milliseconds, and most calls
     * need one.
     *
     * @param called the first argument
     * @param run makes the command {@code run}
     * @param check makes the command {@code check}
     */
    public static CommandLine of(
            String called, Supplier<Object> run, Supplier<Object> check, PrintWriter out, PrintWriter err) {
        CommandLine clowder = new CommandLine(new CommandLines());
        Map<String, Supplier<Object>> all = new LinkedHashMap<>();
        all.put("run", run);
        all.put("check", check);
        all.putAll(OTHERS);
        if (all.containsKey(called)) {
            all.keySet().retainAll(Set.of(called));
        }
        all.values().forEach(command -> clowder.addSubcommand(command.get()));
        clowder.setOut(out);
        clowder.setErr(err);
        clowder.setParameterExceptionHandler((wrong, arguments) -> {
            CommandLine command = wrong.getCommandLine();
            err.println("clowder: " + oneLine(wrong.getMessage()) + " (see "
                    + command.getCommandSpec().qualifiedName() + " --help)");
            return USAGE;
        });
        clowder.setExecutionExceptionHandler((failed, command, result) -> {
            err.println("clowder: " + oneLine(failed.getMessage()));
            return failed instanceof ControlClient.NoClusterException ? NO_CLUSTER : 1;
        });
        return clowder;
    }

    private static Map<String, Supplier<Object>> others() {
        Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
        commands.put("status", StatusCommand::new);
        commands.put("top", TopCommand::new);
        commands.put("reload", OperatorCommand.Reload::new);
        commands.put("deploy", OperatorCommand.Deploy::new);
        commands.put("scale", OperatorCommand.Scale::new);
        commands.put("restart", OperatorCommand.Restart::new);
        commands.put("threads", OperatorCommand.Threads::new);
        commands.put("logs", LogsCommand::new);
        commands.put("stop", StopCommand::new);
        commands.put("upgrade", UpgradeCommand::new);
        commands.put("proxy", ProxyCommand::new);
        commands.put("config", ConfigCommand::command);
        return commands;
    }

    private static String oneLine(@Nullable String text) {
        return String.valueOf(text).replaceAll("\\R\\s*", "; ");
    }

    static final class ShownVersion implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"clowder " + Version.text()};
        }
    }
}
