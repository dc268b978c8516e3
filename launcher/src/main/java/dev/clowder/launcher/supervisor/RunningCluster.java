package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.acceptor.Acceptor;
import dev.clowder.launcher.config.AccessLog;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.config.installed.CatalinaBase;
import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
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
    private final Listeners listeners;
    private final RunDirectory directory;
    private final Logs logs;
    private final Supervisor supervisor;
    private final Upgrade upgrade;
    private final JvmHost host;
    private volatile boolean started;
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
     * Loads what every start needs, on another processor, while somebody still reads the configuration. Returns at once.
     */
    public static void prepare() {
        try {
            DaemonThread.start("preparation", () -> {
                Acceptor.prepare();
                Wire.prepare();
                Register.prepare();
                JvmHost.prepare();
            });
        } catch (IOException e) {
            // It is loaded when it is needed.
        }
    }

    /**
     * Checks what {@link #start} would find wrong with the configuration, and starts nothing.
     *
     * @throws ConfigException if it would not start
     */
    public static void check(LauncherConfig config) throws ConfigException {
        JvmHost.knownJavaVersion(config.java());
        if (config.accessLog() != null) {
            AccessLogRotation.check(config.accessLog());
        }
    }

    private RunningCluster(
            LauncherConfig config,
            Map<String, String> environment,
            Output output,
            Observer embedding,
            List<String> arguments)
            throws ConfigException, StartException {
        try {
            int javaVersion = JvmHost.knownJavaVersion(config.java());
            EventHost events = new EventHost(config.reporting().onEvent(), embedding);
            parts.push(events);
            Systemd systemd = new Systemd(environment, ProcessHandle.current().pid(), events);
            parts.push(systemd);
            ClassArchive archive = new ClassArchive(systemd);
            observer = archive;
            // Workers that outlived a supervisor hold the port: they must be known before it is bound.
            List<Systemd.Passed> passed = systemd.listeners();
            RunDirectory known = openKnown(config, passed);
            Adoption adoption = known == null ? Adoption.nothing(config) : Adoption.begin(known, config, observer::log);
            listeners = listeners(config, adoption.listeners(), systemd, passed);
            parts.push(listeners);
            directory = known == null ? open(RunDirectory.defaultPath(address().getPort())) : known;
            CatalinaBase installed = config.installed();
            String webapps = installed == null
                    ? ""
                    : Webapps.fingerprint(installed.serverXml().hosts());
            Generation first = adoption.generation() == null ? expand(config) : adoption.generation();
            if (!adoption.changed()) {
                directory.register().plan(Adoption.plan(config, listeners.addresses(), adoption.count(), first));
            }
            logs = Logs.open(
                    directory.root(), config.logDir(), adoption.count() + config.spare(), output, observer::log);
            parts.push(logs);
            host = new JvmHost(config, directory, logs, javaVersion, archive, launch(config, directory));
            parts.push(RecentAccess.start(directory, RecentAccess.EVERY, host::timeOfDay, observer::log));
            AccessLog accessLog = config.accessLog();
            if (accessLog != null) {
                parts.push(AccessLogRotation.start(accessLog, observer::log));
            }
            archive.begin(config, host.archiveKind(), environment, directory.training());
            supervisor = new Supervisor(config, adoption.count(), directory, first, listeners, host, observer);
            host.reportTo(supervisor::post);
            parts.push(host);
            parts.push(this::leaveUnlessStarted);
            parts.push(archive);
            upgrade = new Upgrade(config, listeners.mode(), arguments, supervisor::post, host::timeOfDay, observer);
            adopt(adoption);
            if (ProcessHandle.current().pid() == 1) {
                Reaper reaper = new Reaper(pid -> host.reaps(pid) || archive.reaps(pid) || events.reaps(pid));
                reaper.start();
                parts.push(reaper);
            }
            parts.push(new ControlServer(directory.control(), this::post));
            listeners.start(directory);
            if (installed != null) {
                installed.changes(config.workerOptions()).forEach(observer::log);
                if (accessLog != null) {
                    observer.log("access logs of server.xml are off: " + accessLog.file() + " is in their place");
                }
                parts.push(WebappsWatch.start(installed.serverXml().hosts(), webapps, supervisor::post));
            }
            new Thread(this::run, "supervisor").start();
            started = true;
        } catch (IOException e) {
            throw new StartException("can't start: " + e.getMessage());
        } catch (OutOfMemoryError e) {
            throw new StartException("can't start: " + DaemonThread.noMore(e).getMessage());
        } catch (RunDirectory.InUseException e) {
            throw new StartException(String.valueOf(e.getMessage()));
        } finally {
            if (!started) {
                takeApart();
            }
        }
    }

    /** Null when only the kernel knows its name yet. */
    private @Nullable RunDirectory openKnown(LauncherConfig config, List<Systemd.Passed> passed)
            throws ConfigException, RunDirectory.InUseException {
        Path path = config.runDir();
        int port = config.listeners().get(0).address().getPort();
        boolean portIsPassed = passed.stream().anyMatch(one -> !one.isStored());
        if (path == null && (port == 0 || portIsPassed)) {
            return null;
        }
        return open(path == null ? RunDirectory.defaultPath(port) : path);
    }

    private static Listeners listeners(
            LauncherConfig config, @Nullable Listeners adopted, Systemd systemd, List<Systemd.Passed> passed)
            throws ConfigException, StartException {
        if (adopted == null) {
            return Listeners.open(config.accept(), config.listeners(), systemd, passed);
        }
        if (passed.isEmpty()) {
            adopted.store(systemd);
        }
        // The same sockets, or some that nobody accepts from.
        passed.forEach(one -> NotifySocket.closeDescriptor(one.descriptor()));
        return adopted;
    }

    private static @Nullable InstalledLaunch launch(LauncherConfig config, RunDirectory directory) throws IOException {
        CatalinaBase installed = config.installed();
        Path logs = config.logDir();
        return installed == null || logs == null ? null : InstalledLaunch.prepare(installed, directory, logs);
    }

    private RunDirectory open(Path path) throws ConfigException, RunDirectory.InUseException {
        RunDirectory opened = RunDirectory.open(path);
        parts.push(opened);
        return opened;
    }

    private Generation expand(LauncherConfig config) throws ConfigException, IOException {
        return Applications.generation(config, 1, config.apps(), directory.generation(1));
    }

    private void adopt(Adoption adoption) throws IOException {
        supervisor.adopt(adoption.workers(), adoption.lastId());
        for (Survivor survivor : adoption.workers()) {
            host.adopt(survivor);
        }
        if (adoption.changed()) {
            // They serve on until those who do what is asked for now have proven themselves.
            List<String> apps = new ArrayList<>();
            adoption.wanted().forEach(app -> apps.add(app.mount() + "=" + app.source()));
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

    /** Writes a line of the cluster's own log. */
    public void log(String line) {
        observer.log(line);
    }

    /** Where clients connect: the first of the addresses. */
    public InetSocketAddress address() {
        return listeners.addresses().get(0);
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

    /**
     * The state of everything, for somebody who looks; nobody else has it made. Any thread; never blocks.
     *
     * @return cancelled when the cluster has ended
     */
    public CompletableFuture<Status> look() {
        CompletableFuture<Status> sight = new CompletableFuture<>();
        supervisor.post(new Event.Looked(sight));
        return sight;
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

    /** A takeover that fails must not end those who serve: they have their sockets, and wait for another supervisor. */
    private void leaveUnlessStarted() {
        if (!started) {
            host.leave();
        }
    }

    private void takeApart() {
        while (!parts.isEmpty()) {
            try {
                parts.pop().close();
            } catch (Exception | OutOfMemoryError e) {
                // The other parts must go all the same.
            }
        }
    }

    /** The machine does not allow it now: exit code 3. */
    public static final class StartException extends Exception {
        private static final long serialVersionUID = 1;

        public StartException(String message) {
            super(message);
        }
    }
}
