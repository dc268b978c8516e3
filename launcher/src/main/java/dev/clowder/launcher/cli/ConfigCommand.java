package dev.clowder.launcher.cli;

import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.ListenAddress;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Unmatched;

@Command(
        name = "config",
        synopsisSubcommandLabel = "nginx|haproxy|systemd",
        description = "Prints a complete configuration of another program for a cluster: the one that runs at --port or"
                + " --run-dir, else the one that the options of run describe.",
        subcommands = {ConfigCommand.Nginx.class, ConfigCommand.Haproxy.class, ConfigCommand.Systemd.class})
final class ConfigCommand implements Callable<Integer> {
    @Option(names = "--help", usageHelp = true, description = "show this")
    boolean help;

    @Spec
    CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        throw new ParameterException(spec.commandLine(), "for which program? nginx, haproxy or systemd");
    }

    /** One program. */
    abstract static class Of implements Callable<Integer> {
        @Unmatched
        List<String> run = new ArrayList<>();

        @Option(names = "--help", usageHelp = true, description = "show this")
        boolean help;

        @Spec
        CommandSpec spec = CommandSpec.create();

        abstract String text(DescribedCluster cluster) throws ConfigException;

        @Override
        public Integer call() throws IOException {
            try {
                spec.commandLine().getOut().print(text(DescribedCluster.of(run)));
                spec.commandLine().getOut().flush();
                return 0;
            } catch (ConfigException e) {
                throw new ParameterException(spec.commandLine(), String.join("; ", e.problems()));
            }
        }
    }

    /** One that takes the clients. */
    abstract static class Proxy extends Of {
        @Option(
                names = "--listen",
                paramLabel = "[ADDRESS:]PORT",
                defaultValue = "80",
                converter = ListenAddress.Converter.class,
                description = "where it takes clients (default: 80)")
        ListenAddress listen = new ListenAddress(null, 0);
    }

    @Command(
            name = "nginx",
            sortOptions = false,
            footer = "All options of run describe the cluster; a running one needs only --port or --run-dir.",
            description = "Prints an nginx.conf.")
    static final class Nginx extends Proxy {
        @Option(
                names = "--server-name",
                paramLabel = "NAME",
                defaultValue = "_",
                description = "host name that it answers to (default: any)")
        String serverName = "_";

        @Override
        String text(DescribedCluster cluster) throws ConfigException {
            if (!serverName.matches("[A-Za-z0-9_.*-]+")) {
                throw new ConfigException("--server-name " + serverName + ": not a host name");
            }
            return ProxyConfigs.nginx(cluster, listen, serverName);
        }
    }

    @Command(
            name = "haproxy",
            sortOptions = false,
            footer = "All options of run describe the cluster; a running one needs only --port or --run-dir.",
            description = "Prints a haproxy.cfg.")
    static final class Haproxy extends Proxy {
        @Override
        String text(DescribedCluster cluster) throws ConfigException {
            return ProxyConfigs.haproxy(cluster, listen);
        }
    }

    @Command(
            name = "systemd",
            sortOptions = false,
            footer = "All options of run describe the cluster, APP or --catalina-base among them; a running one needs"
                    + " only --port or --run-dir.",
            description = "Prints a service unit.")
    static final class Systemd extends Of {
        @Option(
                names = "--name",
                paramLabel = "NAME",
                defaultValue = "clowder",
                description = "of the service: its directories are /run/NAME and /var/log/NAME (default: clowder)")
        String name = "clowder";

        @Option(names = "--user", paramLabel = "USER", description = "whom it runs as (default: the same as --name)")
        String user = "";

        @Override
        String text(DescribedCluster cluster) throws ConfigException {
            return SystemdUnit.text(cluster, name, user.isEmpty() ? name : user);
        }
    }

    /** A time as the other programs take it; what is shorter than a second is one. */
    static String seconds(Duration time) {
        return String.valueOf(Math.max(1, time.toSeconds()));
    }

    /** A time as {@code run} takes it. */
    static String text(Duration time) {
        return time.toMillis() % 1000 == 0 ? time.toSeconds() + "s" : time.toMillis() + "ms";
    }

    /** The command, with its subcommands. */
    static CommandLine command() {
        return new CommandLine(new ConfigCommand());
    }
}
