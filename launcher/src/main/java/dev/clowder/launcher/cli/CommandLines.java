package dev.clowder.launcher.cli;

import dev.clowder.launcher.supervisor.Version;
import java.io.PrintWriter;
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

    /** All commands; {@code run} and {@code check} are given, so that their help stands among the others. */
    public static CommandLine of(CommandLine run, Object check, PrintWriter out, PrintWriter err) {
        CommandLine clowder = new CommandLine(new CommandLines());
        clowder.addSubcommand(run);
        clowder.addSubcommand(new StatusCommand());
        clowder.addSubcommand(new TopCommand());
        clowder.addSubcommand(new OperatorCommand.Reload());
        clowder.addSubcommand(new OperatorCommand.Deploy());
        clowder.addSubcommand(new OperatorCommand.Scale());
        clowder.addSubcommand(new OperatorCommand.Restart());
        clowder.addSubcommand(new OperatorCommand.Threads());
        clowder.addSubcommand(new LogsCommand());
        clowder.addSubcommand(new StopCommand());
        clowder.addSubcommand(new UpgradeCommand());
        clowder.addSubcommand(check);
        clowder.addSubcommand(new ProxyCommand());
        clowder.addSubcommand(ConfigCommand.command());
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
