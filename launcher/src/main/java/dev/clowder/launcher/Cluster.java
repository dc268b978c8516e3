package dev.clowder.launcher;

import dev.clowder.launcher.admin.AdminServer;
import dev.clowder.launcher.admin.Commander;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.ConfigReader;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.config.Reporting;
import dev.clowder.launcher.config.RunOptions;
import dev.clowder.launcher.supervisor.ClusterEvent;
import dev.clowder.launcher.supervisor.Observer;
import dev.clowder.launcher.supervisor.Output;
import dev.clowder.launcher.supervisor.RunningCluster;
import dev.clowder.launcher.supervisor.RunningCluster.StartException;
import dev.clowder.launcher.supervisor.Status;
import dev.clowder.launcher.supervisor.WorkerEvent;
import dev.clowder.launcher.wire.Message;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/**
 * What {@code clowder run} starts, from Java:
 *
 * <pre>{@code
 * try (Cluster cluster = Cluster.start(System.out, event -> {}, "--port", "0", "shop.war")) {
 *     InetSocketAddress address = cluster.address();
 *     ...
 * }
 * }</pre>
 *
 * The supervisor runs in this JVM; the workers are processes of their own, with this JVM's class path. Should this JVM end
 * without {@link #close}, they finish what they have, for at most 5 s, and leave with it: unlike for {@code run} the
 * default of {@code --orphan-timeout} is 0s here. With a longer one they serve on for that time, and a cluster that is
 * started in the same {@code --run-dir} adopts them. Thread-safe.
 */
public final class Cluster implements AutoCloseable {
    private final Output output;
    private final ExecutorService events;
    private final RunningCluster running;
    private final @Nullable AdminServer admin;

    private Cluster(Output output, ExecutorService events, RunningCluster running, @Nullable AdminServer admin) {
        this.output = output;
        this.events = events;
        this.running = running;
        this.admin = admin;
    }

    /**
     * Starts a cluster; returns when the port is bound and the first worker is being started.
     *
     * @param out gets the log of the cluster and the output of the workers, line by line; never makes them wait
     * @param listener is told of each step in each worker's life, in order, by a thread of its own
     * @param arguments those of {@code run}
     * @throws ConfigException if they are wrong; nothing was started
     * @throws StartException if the machine does not allow it now; nothing was left behind
     */
    public static Cluster start(OutputStream out, Consumer<WorkerEvent> listener, String... arguments)
            throws ConfigException, StartException {
        return start(read(arguments), Map.of(), out, listener, List.of());
    }

    /** As for {@code run}, with a default of its own: nobody starts a program again because its cluster is orphaned. */
    private static LauncherConfig read(String... arguments) throws ConfigException {
        CommandLine run = ConfigReader.runCommand(arguments);
        CommandLine.IDefaultValueProvider file = run.getDefaultValueProvider();
        run.setDefaultValueProvider(argument -> {
            String value = file == null ? null : file.defaultValue(argument);
            boolean isOrphans = argument instanceof OptionSpec option
                    && option.longestName().equals("--orphan-timeout");
            return value == null && isOrphans ? "0s" : value;
        });
        try {
            run.parseArgs(arguments);
        } catch (CommandLine.ParameterException e) {
            throw new ConfigException(String.valueOf(e.getMessage()));
        }
        return ConfigReader.read((RunOptions) run.getCommand());
    }

    /**
     * Starts a cluster.
     *
     * @param environment where systemd says what it passes and wants to be told
     * @param processArguments those of this process, if it exists for this cluster only and may be replaced under it
     */
    static Cluster start(
            LauncherConfig config,
            Map<String, String> environment,
            OutputStream out,
            Consumer<WorkerEvent> listener,
            List<String> processArguments)
            throws ConfigException, StartException {
        boolean json = config.reporting().jsonLog();
        Output output = new Output(out, json);
        Reporting.Admin wanted = config.reporting().admin();
        ExecutorService events = Executors.newSingleThreadExecutor(task -> {
            Thread thread = new Thread(task, "cluster events");
            thread.setDaemon(true);
            return thread;
        });
        boolean started = false;
        AdminServer admin = null;
        try {
            AdminServer page = wanted == null ? null : AdminServer.open(wanted);
            admin = page;
            RunningCluster running = RunningCluster.start(
                    config,
                    environment,
                    output,
                    new Observer() {
                        @Override
                        public void log(String line) {
                            Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
                            output.line(json ? ClusterEvent.log(line).json() : now + " clowder: " + line);
                        }

                        @Override
                        public void event(ClusterEvent event) {
                            if (json) {
                                output.line(event.json());
                            }
                            if (page != null) {
                                page.event(event);
                            }
                        }

                        @Override
                        public long awake(long now) {
                            if (page != null) {
                                page.awake();
                            }
                            return Long.MAX_VALUE;
                        }

                        @Override
                        public void changed(WorkerEvent event) {
                            events.execute(() -> listener.accept(event));
                        }
                    },
                    processArguments);
            Cluster cluster = new Cluster(output, events, running, page);
            if (page != null && wanted != null) {
                page.serve(new Commander() {
                    @Override
                    public CompletableFuture<Message.Reply> ask(String command, List<String> arguments) {
                        return running.ask(command, arguments);
                    }

                    @Override
                    public CompletableFuture<Status> look() {
                        return running.look();
                    }
                });
                running.log("admin page: http://"
                        + NetUtil.toSocketAddressString(
                                new InetSocketAddress(wanted.address().getAddress(), page.port()))
                        + "/");
            }
            started = true;
            return cluster;
        } finally {
            if (!started) {
                if (admin != null) {
                    admin.close();
                }
                events.shutdown();
                output.close();
            }
        }
    }

    /** Where clients connect; with {@code --port 0} the port that the kernel chose. */
    public InetSocketAddress address() {
        return running.address();
    }

    /** Where the cluster keeps its files; {@code status} and {@code stop} find it there. */
    public Path runDirectory() {
        return running.runDirectory();
    }

    /** What {@code status} shows. */
    public Status status() throws IOException {
        return running.status();
    }

    /**
     * Asks for a change as the command line does: {@code reload}, {@code deploy}, {@code scale}, {@code restart}. Its steps
     * are in the log.
     *
     * @return completed when it is done, with the exit code of the command; anything but 0 changed nothing
     */
    public CompletableFuture<Integer> ask(String command, String... arguments) {
        return running.ask(command, List.of(arguments)).thenApply(Message.Reply::exitCode);
    }

    /** As {@link #ask}, for a signal: nobody is there to be told, so the log says that it can't be obeyed and why. */
    @SuppressWarnings("FutureReturnValueIgnored") // The log says what came of it.
    void obey(String signal, String command, String... arguments) {
        running.ask(command, List.of(arguments)).thenAccept(reply -> {
            if (reply.exitCode() != 0) {
                running.log("SIG" + signal + ": " + reply.text());
            }
        });
    }

    /** Begins to stop gracefully: no new connections, requests in flight are finished. Returns at once. */
    public void stop() {
        running.stop(false);
    }

    /** Begins to stop without regard to requests in flight. Returns at once. */
    public void stopNow() {
        running.stop(true);
    }

    /** Completed with the exit code of {@code run} when the cluster has ended, for whatever reason, and nothing is left. */
    public CompletableFuture<Integer> exitCode() {
        return running.exitCode();
    }

    /** Stops gracefully and waits until nothing is left. */
    @Override
    public void close() {
        stop();
        exitCode().join();
        if (admin != null) {
            admin.close();
        }
        events.shutdown();
        output.close();
    }
}
