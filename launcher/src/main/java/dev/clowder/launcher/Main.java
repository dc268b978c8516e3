package dev.clowder.launcher;

import dev.clowder.launcher.check.CheckCommand;
import dev.clowder.launcher.cli.CommandLines;
import dev.clowder.launcher.cli.Terminals;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.ConfigReader;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.config.RunOptions;
import dev.clowder.launcher.supervisor.OwnJvm;
import dev.clowder.launcher.supervisor.RunningCluster;
import dev.clowder.launcher.supervisor.RunningCluster.StartException;
import dev.clowder.launcher.supervisor.Version;
import dev.clowder.launcher.wire.Signals;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/** What {@code java -jar clowder.jar} runs: arguments to exit code. The only place that prints and exits. */
public final class Main {
    private static final int COULD_NOT_START = 3;
    private static final int IGNORED = 4096;

    private Main() {}

    public static void main(String[] arguments) {
        if (arguments.length > 0 && arguments[0].equals("run")) {
            OwnJvm.become(List.of(arguments), System.getenv());
            RunningCluster.prepare();
        }
        System.exit(execute(arguments));
    }

    private static int execute(String[] arguments) {
        PrintWriter out = new PrintWriter(System.out, true, Charset.defaultCharset());
        PrintWriter err = new PrintWriter(System.err, true, Charset.defaultCharset());
        try {
            String called = arguments.length > 0 ? arguments[0] : "";
            CommandLine run = called.equals("run")
                    ? ConfigReader.runCommand(Arrays.copyOfRange(arguments, 1, arguments.length))
                    : null;
            CommandLine clowder = CommandLines.of(
                    called, () -> run == null ? ConfigReader.runCommand() : run, CheckCommand::new, out, err);
            clowder.setExecutionStrategy(parsed -> {
                if (!parsed.hasSubcommand() && !parsed.isUsageHelpRequested() && !parsed.isVersionHelpRequested()) {
                    throw new CommandLine.ParameterException(
                            clowder, "Missing command: run, status, reload, stop or another");
                }
                boolean runs = parsed.hasSubcommand()
                        && parsed.subcommand().commandSpec().userObject() instanceof RunOptions
                        && !parsed.subcommand().isUsageHelpRequested();
                return runs
                        ? run((RunOptions) parsed.subcommand().commandSpec().userObject(), List.of(arguments), out, err)
                        : new CommandLine.RunLast().execute(parsed);
            });
            return clowder.execute(arguments);
        } catch (ConfigException e) {
            return wrong(e, err);
        } catch (RuntimeException e) {
            // A fault of ours; one line all the same.
            err.println("clowder: " + e);
            return 1;
        }
    }

    private static int run(RunOptions options, List<String> arguments, PrintWriter out, PrintWriter err) {
        StopSwitch stop = new StopSwitch();
        obeySignals(stop);
        try {
            LauncherConfig config = ConfigReader.read(options);
            if (options.check()) {
                RunningCluster.check(config);
                out.println(Version.text());
                return 0;
            }
            Cluster cluster = Cluster.start(
                    config, System.getenv(), new FileOutputStream(FileDescriptor.out), event -> {}, arguments);
            stop.connect(cluster);
            if (options.stopOnEof()) {
                stopOnEof(cluster);
            }
            int code = cluster.exitCode().join();
            cluster.close();
            return code;
        } catch (ConfigException e) {
            return wrong(e, err);
        } catch (StartException e) {
            err.println("clowder: " + e.getMessage());
            return COULD_NOT_START;
        }
    }

    private static int wrong(ConfigException e, PrintWriter err) {
        e.problems().forEach(problem -> err.println("clowder: " + problem));
        return CommandLines.USAGE;
    }

    private static void obeySignals(StopSwitch stop) {
        Signals.on(List.of("TERM", "INT"), stop::press);
        // From a terminal that closes it means stop; from a program it means reload.
        Signals.on(List.of("HUP"), Terminals.is(0, true) ? stop::press : () -> stop.ask("HUP", "reload"));
        Signals.on(List.of("TTIN"), () -> stop.ask("TTIN", "scale", "+1"));
        Signals.on(List.of("TTOU"), () -> stop.ask("TTOU", "scale", "-1"));
    }

    /** The first press stops gracefully, a second one at once; a press before there is a cluster is not forgotten. */
    private static final class StopSwitch {
        private final List<Consumer<Cluster>> early = new ArrayList<>();
        private @Nullable Cluster cluster;
        private int presses;

        synchronized void press() {
            presses++;
            act();
        }

        synchronized void connect(Cluster started) {
            cluster = started;
            early.forEach(asked -> asked.accept(started));
            early.clear();
            act();
        }

        /** A command that came as a signal; the log says what came of it, also if it came before there is a cluster. */
        synchronized void ask(String signal, String command, String... arguments) {
            if (cluster != null) {
                cluster.obey(signal, command, arguments);
            } else {
                early.add(started -> started.obey(signal, command, arguments));
            }
        }

        private void act() {
            if (cluster == null || presses == 0) {
                return;
            }
            if (presses > 1) {
                cluster.stopNow();
            } else {
                cluster.stop();
            }
        }
    }

    @SuppressWarnings("FutureReturnValueIgnored") // There is nobody to tell.
    private static void stopOnEof(Cluster cluster) {
        // Reading from a channel ends when that is closed; a JVM that ends waits 0.3 s for a thread that reads on.
        FileChannel input = new FileInputStream(FileDescriptor.in).getChannel();
        cluster.exitCode().whenComplete((code, failure) -> close(input));
        Thread reader = new Thread(
                () -> {
                    ByteBuffer ignored = ByteBuffer.allocate(IGNORED);
                    try {
                        while (input.read(ignored) >= 0) {
                            ignored.clear();
                        }
                    } catch (ClosedChannelException e) {
                        // The cluster has ended.
                        return;
                    } catch (IOException e) {
                        // As good as its end.
                    }
                    cluster.stop();
                },
                "standard input");
        reader.setDaemon(true);
        reader.start();
    }

    private static void close(FileChannel input) {
        try {
            input.close();
        } catch (IOException e) {
            // Then the end takes its 0.3 s.
        }
    }
}
