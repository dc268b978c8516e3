package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.acceptor.Acceptor;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.wire.Message;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A cluster from its first file to its last: puts the parts together, and takes them apart in reverse order, however far
 * it came. Thread-safe.
 */
public final class RunningCluster {
    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final CompletableFuture<Integer> exitCode = new CompletableFuture<>();
    private final Acceptor acceptor;
    private final RunDirectory directory;
    private final Logs logs;
    private final Supervisor supervisor;

    /**
     * Takes the port and the run directory and starts the first worker; returns without waiting for it.
     *
     * @param environment where systemd may have left something for us; empty for a program that embeds a cluster
     * @param output gets the output of the workers
     * @throws ConfigException when the configuration can't work; nothing is left behind
     * @throws StartException when this machine does not allow it now; nothing is left behind
     */
    public static RunningCluster start(
            LauncherConfig config, Map<String, String> environment, Output output, Observer observer)
            throws ConfigException, StartException {
        return new RunningCluster(config, environment, output, observer);
    }

    private RunningCluster(LauncherConfig config, Map<String, String> environment, Output output, Observer embedding)
            throws ConfigException, StartException {
        boolean started = false;
        try {
            int javaVersion = JvmHost.javaVersion(config.java());
            Systemd observer = new Systemd(environment, ProcessHandle.current().pid(), embedding);
            parts.push(observer);
            acceptor = bind(config, observer);
            parts.push(acceptor);
            Path path = config.runDir() == null
                    ? RunDirectory.defaultPath(acceptor.address().getPort())
                    : config.runDir();
            directory = RunDirectory.open(path);
            parts.push(directory);
            logs = Logs.open(directory.root(), config.logDir(), config.workers(), output, observer::log);
            parts.push(logs);
            List<Message.Mount> mounts = Applications.expand(config.apps(), directory.apps());
            JvmHost host = new JvmHost(config, directory, logs, javaVersion);
            supervisor = new Supervisor(config, directory, mounts, acceptor, host, observer);
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

    /** The state of everything, as {@code status} shows it. Waits for the supervisor's thread. */
    public Status status() throws IOException {
        CompletableFuture<Message.Reply> answer = new CompletableFuture<>();
        supervisor.post(new Event.Asked(new Message.Command("status", List.of()), new Answer(answer)));
        Message.Reply reply = answer.join();
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
            if (code == Supervisor.OK) {
                logs.discard();
            }
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

    private static Acceptor bind(LauncherConfig config, Systemd systemd) throws ConfigException, StartException {
        Systemd.Passed passed = systemd.listener();
        if (passed != null) {
            Acceptor inherited = inherit(config, passed);
            if (inherited != null) {
                return inherited;
            }
            systemd.forget();
        }
        Acceptor bound = bindAnew(config, systemd);
        systemd.store(bound.descriptor());
        return bound;
    }

    /** Null if it was left by an earlier life that had another port. */
    private static @Nullable Acceptor inherit(LauncherConfig config, Systemd.Passed passed)
            throws ConfigException, StartException {
        InetSocketAddress wanted = config.listen();
        Acceptor inherited;
        try {
            inherited = Acceptor.inherit(config.accept(), passed.descriptor());
        } catch (IOException e) {
            throw new StartException(String.valueOf(e.getMessage()));
        }
        InetSocketAddress address = inherited.address();
        boolean otherPort = config.portGiven() && wanted.getPort() != 0 && wanted.getPort() != address.getPort();
        boolean otherAddress =
                !wanted.getAddress().isAnyLocalAddress() && !wanted.getAddress().equals(address.getAddress());
        if (!otherPort && !otherAddress) {
            return inherited;
        }
        inherited.stop();
        inherited.close();
        if (passed.isStored()) {
            return null;
        }
        throw new ConfigException((otherPort
                        ? "--port " + wanted.getPort()
                        : "--address " + wanted.getAddress().getHostAddress())
                + ": the socket " + passed.name() + " that systemd passed listens on "
                + NetUtil.toAddressString(address.getAddress()) + " port " + address.getPort()
                + "; change the socket unit, or leave the option out");
    }

    private static Acceptor bindAnew(LauncherConfig config, Observer observer) throws StartException {
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
