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
import java.util.ArrayList;
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
    private final Upgrade upgrade;
    private final JvmHost host;
    private final Observer observer;
    /** How the workers of an earlier supervisor were replaced, where they had to be. */
    private final CompletableFuture<Message.Reply> takenOver = new CompletableFuture<>();

    /**
     * Takes the port and the run directory and starts the first worker; returns without waiting for it.
     *
     * @param output gets the output of the workers
     * @param arguments those of this process, if all it does is to run this cluster, so that it may replace itself;
     *     otherwise none
     * @throws ConfigException when the configuration can't work; nothing is left behind
     * @throws StartException when this machine does not allow it now; nothing is left behind
     */
    public static RunningCluster start(
            LauncherConfig config,
            Map<String, String> environment,
            Output output,
            Observer observer,
            List<String> arguments)
            throws ConfigException, StartException {
        return new RunningCluster(config, environment, output, observer, arguments);
    }

    /**
     * Checks what {@link #start} would find wrong with the configuration, and starts nothing.
     *
     * @throws ConfigException if it would not start
     */
    public static void check(LauncherConfig config) throws ConfigException {
        JvmHost.javaVersion(config.java());
    }

    private RunningCluster(
            LauncherConfig config,
            Map<String, String> environment,
            Output output,
            Observer embedding,
            List<String> arguments)
            throws ConfigException, StartException {
        boolean started = false;
        try {
            int javaVersion = JvmHost.javaVersion(config.java());
            Systemd systemd = new Systemd(environment, ProcessHandle.current().pid(), embedding);
            parts.push(systemd);
            observer = systemd;
            // Workers that outlived a supervisor hold the port: they must be known before it is bound.
            Systemd.Passed passed = systemd.listener();
            RunDirectory known = openKnown(config, passed);
            Adoption adoption = known == null ? Adoption.NOTHING : Adoption.begin(known, config, observer::log);
            acceptor = adoption.acceptor() == null ? bind(config, systemd, passed) : adoption.acceptor();
            if (adoption.acceptor() != null && passed != null) {
                // The same socket, or one that nobody accepts from.
                NotifySocket.closeDescriptor(passed.descriptor());
            } else if (adoption.acceptor() != null) {
                systemd.store(acceptor.descriptor());
            }
            parts.push(acceptor);
            directory = known == null ? open(RunDirectory.defaultPath(address().getPort())) : known;
            Generation first = adoption.generation() == null ? expand(config) : adoption.generation();
            if (!adoption.changed()) {
                directory.register().plan(Adoption.plan(config, address(), first));
            }
            logs = Logs.open(directory.root(), config.logDir(), config.workers(), output, observer::log);
            parts.push(logs);
            host = new JvmHost(config, directory, logs, javaVersion);
            supervisor = new Supervisor(config, directory, first, acceptor, host, observer);
            host.reportTo(supervisor::post);
            parts.push(host);
            upgrade = new Upgrade(config, acceptor.mode(), arguments, supervisor::post, observer);
            adopt(config, adoption);
            if (ProcessHandle.current().pid() == 1) {
                Reaper reaper = new Reaper(host::reaps);
                reaper.start();
                parts.push(reaper);
            }
            parts.push(new ControlServer(directory.control(), this::post));
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

    /** Null when only the kernel knows its name yet. */
    private @Nullable RunDirectory openKnown(LauncherConfig config, Systemd.@Nullable Passed passed)
            throws ConfigException, RunDirectory.InUseException {
        Path path = config.runDir();
        int port = config.listen().getPort();
        boolean portIsPassed = passed != null && !passed.isStored();
        if (path == null && (port == 0 || portIsPassed)) {
            return null;
        }
        return open(path == null ? RunDirectory.defaultPath(port) : path);
    }

    private RunDirectory open(Path path) throws ConfigException, RunDirectory.InUseException {
        RunDirectory opened = RunDirectory.open(path);
        parts.push(opened);
        return opened;
    }

    private Generation expand(LauncherConfig config) throws ConfigException, IOException {
        return new Generation(1, config.apps(), Applications.expand(config.apps(), directory.generation(1)));
    }

    private void adopt(LauncherConfig config, Adoption adoption) {
        supervisor.adopt(adoption.workers(), adoption.lastId());
        adoption.workers().forEach(host::adopt);
        if (adoption.changed()) {
            // They run what was asked for last time until that of this time has proven itself.
            List<String> apps = new ArrayList<>();
            config.apps().forEach(app -> apps.add(app.mount() + "=" + app.source()));
            supervisor.post(new Event.Asked(new Message.Command("deploy", apps), new Answer(takenOver)));
        } else {
            takenOver.complete(new Message.Reply(Supervisor.OK, "no worker had to be replaced"));
        }
    }

    private void post(Event event) {
        String command = event instanceof Event.Asked asked ? asked.command().name() : "";
        if (event instanceof Event.Asked asked && command.equals(Upgrade.COMMAND)) {
            upgrade.begin(asked.caller());
        } else if (event instanceof Event.Asked asked && command.equals(Upgrade.OUTCOME)) {
            upgrade.tell(takenOver, asked.caller());
        } else {
            supervisor.post(event);
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
        post(new Event.Asked(new Message.Command(command, arguments), new Answer(answer)));
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
            if (code == Supervisor.OK) {
                logs.discard();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (Throwable e) {
            // A fault of ours, or a jar that was overwritten under us. Workers need us less than clients need them.
            observer.log("the supervisor failed, its workers are left to the next one: " + e);
            host.leave();
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

    private static Acceptor bind(LauncherConfig config, Systemd systemd, Systemd.@Nullable Passed passed)
            throws ConfigException, StartException {
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
