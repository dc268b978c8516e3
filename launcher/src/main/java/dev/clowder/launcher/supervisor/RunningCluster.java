package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.acceptor.Acceptor;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A cluster from its first file to its last: puts the parts together, and takes them apart in reverse order, however far
 * it came. Thread-safe.
 */
public final class RunningCluster {
    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final CompletableFuture<Integer> exitCode = new CompletableFuture<>();
    private final Acceptor acceptor;
    private final RunDirectory directory;
    private final Supervisor supervisor;

    /**
     * Takes the port and the run directory and starts the first worker; returns without waiting for it.
     *
     * @param output gets the output of the workers
     * @throws ConfigException when the configuration can't work; nothing is left behind
     * @throws StartException when this machine does not allow it now; nothing is left behind
     */
    public static RunningCluster start(LauncherConfig config, Output output, Observer observer)
            throws ConfigException, StartException {
        return new RunningCluster(config, output, observer);
    }

    private RunningCluster(LauncherConfig config, Output output, Observer observer)
            throws ConfigException, StartException {
        boolean started = false;
        try {
            int javaVersion = JvmHost.javaVersion(config.java());
            acceptor = bind(config, observer);
            parts.push(acceptor);
            Path path = config.runDir() == null
                    ? RunDirectory.defaultPath(acceptor.address().getPort())
                    : config.runDir();
            directory = RunDirectory.open(path);
            parts.push(directory);
            List<Message.Mount> mounts = Applications.expand(config.apps(), directory.generation(1));
            Generation first = new Generation(1, config.apps(), mounts);
            JvmHost host = new JvmHost(config, directory, output, javaVersion);
            supervisor = new Supervisor(config, directory, first, acceptor, host, observer);
            host.reportTo(supervisor::post);
            parts.push(host);
            parts.push(new ControlServer(directory.control(), supervisor::post));
            acceptor.start(directory.listeners());
            new Thread(this::run, "supervisor").start();
            started = true;
        } catch (IOException e) {
            throw new StartException("can't start: " + e.getMessage());
        } catch (RunDirectory.InUseException e) {
            throw new StartException(String.valueOf(e.getMessage()));
        } finally {
            if (!started) {
                takeApart();
            }
        }
    }

    /** Where clients connect. */
    public InetSocketAddress address() {
        return acceptor.address();
    }

    public Path runDirectory() {
        return directory.root();
    }

    /** Begins to stop: gracefully, or at once. Repeating it does no harm. */
    public void stop(boolean now) {
        supervisor.post(new Event.StopAsked(now));
    }

    /**
     * Asks for what the command line can ask for: {@code reload}, {@code scale} and others. Any thread.
     *
     * @return completed with the answer when it is done or refused
     */
    public CompletableFuture<Message.Reply> ask(String command, List<String> arguments) {
        CompletableFuture<Message.Reply> answer = new CompletableFuture<>();
        supervisor.post(new Event.Asked(new Message.Command(command, arguments), new Answer(answer)));
        return answer;
    }

    /** The state of everything, as {@code status} shows it. Waits for the supervisor's thread. */
    public Status status() throws IOException {
        Message.Reply reply = ask("status", List.of()).join();
        if (reply.exitCode() != Supervisor.OK) {
            throw new IOException(reply.text());
        }
        return Status.parse(reply.text());
    }

    /** Completed with the exit code of the contract when all workers are gone and nothing is left behind. */
    public CompletableFuture<Integer> exitCode() {
        return exitCode.copy();
    }

    private void run() {
        int code = 1;
        try {
            code = supervisor.run();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            takeApart();
            supervisor.answerStop();
            exitCode.complete(code);
        }
    }

    private void takeApart() {
        while (!parts.isEmpty()) {
            try {
                parts.pop().close();
            } catch (Exception e) {
                // The other parts must go all the same.
            }
        }
    }

    private static Acceptor bind(LauncherConfig config, Observer observer) throws StartException {
        InetSocketAddress wanted = config.listen();
        try {
            return Acceptor.bind(config.accept(), wanted, observer::log);
        } catch (IOException e) {
            String message = String.valueOf(e.getMessage());
            String where = "can't listen on " + wanted.getAddress().getHostAddress() + " port " + wanted.getPort();
            if (message.contains("Permission denied")) {
                throw new StartException(
                        where + ": permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE,"
                                + " or choose another with --port");
            }
            if (message.contains("Address already in use")) {
                throw new StartException(where + ": in use by another process; stop it or choose another with --port");
            }
            throw new StartException(where + ": " + message);
        }
    }

    /** The machine does not allow it now: exit code 3. */
    public static final class StartException extends Exception {
        private static final long serialVersionUID = 1;

        StartException(String message) {
            super(message);
        }
    }
}
