package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.acceptor.Acceptor;
import dev.clowder.launcher.config.AcceptMode;
import dev.clowder.launcher.config.App;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.config.Listener;
import dev.clowder.launcher.config.installed.CatalinaBase;
import dev.clowder.launcher.wire.Message;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a supervisor takes over from one that was killed, or that replaced itself: the listening sockets, the workers
 * behind them and their applications. Immutable.
 *
 * @param listeners the ports, taken back from workers; null when they must be bound
 * @param workers those who serve on them
 * @param lastId the highest id ever used
 * @param count how many workers are wanted: what is asked for, or what {@code scale} has left if the same was asked for then
 * @param generation what they run; null when the first must be made
 * @param wanted the applications of a replacement: what is asked for now if that is something else than was asked for when
 *     they were started, otherwise what they run, which may have been deployed since
 * @param changed whether something else was asked for now than when they were started, or by another version of the
 *     launcher: then they are to be replaced
 */
record Adoption(
        @Nullable Listeners listeners,
        List<Survivor> workers,
        int lastId,
        int count,
        @Nullable Generation generation,
        List<App> wanted,
        boolean changed) {
    /** For the first worker to bring the sockets, and then for each to come back. A stopped one does neither. */
    static final Duration PATIENCE = Duration.ofSeconds(10);

    private static final Duration LEAVE = Duration.ofSeconds(5);
    private static final long LOOK_MILLIS = 20;

    Adoption {
        workers = List.copyOf(workers);
        wanted = List.copyOf(wanted);
    }

    /**
     * Takes over what can be taken over, and ends workers that can't: afterwards none lives that is not in the result.
     *
     * @throws IOException if that was not possible
     */
    static Adoption begin(RunDirectory directory, LauncherConfig config, Consumer<String> log) throws IOException {
        List<Survivor> all = directory.register().living();
        Register.Plan plan = directory.register().plan();
        if (all.isEmpty()) {
            return nothing(config);
        }
        int lastId = directory.register().lastId();
        List<Survivor> living =
                all.stream().filter(survivor -> survivor.slot() != 0).toList();
        try {
            endSpares(directory, all);
            if (living.isEmpty()) {
                directory.sweep();
                return nothing(config, lastId);
            }
            String obstacle = obstacle(plan, config);
            if (plan != null && obstacle == null) {
                List<Acceptor> acceptors = Acceptor.takeOver(directory.orphans(), addresses(plan), PATIENCE);
                if (!acceptors.isEmpty()) {
                    letWorkersWait(acceptors);
                    return adopt(new Listeners(config.listeners(), acceptors), living, lastId, plan, config);
                }
                obstacle = "none of them answers";
            }
            log.accept("ending " + living.size() + " workers of a dead supervisor: " + obstacle);
            end(living);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        directory.sweep();
        return nothing(config, lastId);
    }

    /** A first start. */
    static Adoption nothing(LauncherConfig config) {
        return nothing(config, 0);
    }

    private static Adoption nothing(LauncherConfig config, int lastId) {
        return new Adoption(null, List.of(), lastId, config.workers(), null, List.of(), false);
    }

    /**
     * Netty has made what it received non-blocking, for the workers too, which go on accepting: each connection would wake
     * them all, and the first come would not be the first served.
     */
    private static void letWorkersWait(List<Acceptor> acceptors) {
        acceptors.forEach(acceptor -> acceptor.descriptor().ifPresent(Posix::setBlocking));
    }

    /** One that waited for a slot has nothing that anybody would miss, and leaves by itself in any case. */
    private static void endSpares(RunDirectory directory, List<Survivor> all) throws InterruptedException, IOException {
        List<Survivor> spares =
                all.stream().filter(survivor -> survivor.slot() == 0).toList();
        kill(spares);
        for (Survivor spare : spares) {
            directory.register().ended(spare.id());
            directory.discard(directory.worker(spare.id()));
        }
    }

    private static Adoption adopt(
            Listeners listeners, List<Survivor> living, int lastId, Register.Plan plan, LauncherConfig config) {
        Generation generation = plan.generation();
        boolean sameApps = apps(config).equals(plan.apps());
        boolean changed = !sameApps
                || !plan.options().equals(options(config))
                || !plan.version().equals(Version.text())
                || living.stream().anyMatch(survivor -> survivor.generation() != generation.number());
        return new Adoption(
                listeners,
                living,
                lastId,
                count(plan, config),
                generation,
                sameApps ? generation.apps() : config.apps(),
                changed);
    }

    /** No more than {@code scale} would allow now. */
    static int count(Register.Plan plan, LauncherConfig config) {
        boolean scaled = plan.asked() == config.workers();
        return scaled ? Math.min(plan.workers(), Math.max(plan.asked(), Scaling.most(config))) : config.workers();
    }

    /** What is written down for the next supervisor when a generation has proven itself. */
    static Register.Plan plan(
            LauncherConfig config, List<InetSocketAddress> bound, int workers, Generation generation) {
        List<Register.Port> ports = new ArrayList<>();
        for (int i = 0; i < bound.size(); i++) {
            ports.add(new Register.Port(
                    literal(config.listeners().get(i).address()),
                    literal(bound.get(i)),
                    bound.get(i).getPort()));
        }
        return new Register.Plan(
                ports, apps(config), options(config), config.workers(), workers, Version.text(), generation);
    }

    /** Why workers can't go on under this configuration, in a few words; null if they can. */
    private static @Nullable String obstacle(Register.@Nullable Plan plan, LauncherConfig config) {
        if (plan == null) {
            return "they did not serve yet";
        }
        Generation generation = plan.generation();
        Stream<String> directories = Stream.concat(
                generation.mounts().stream().map(Message.Mount::directory),
                generation.sites().stream().map(Message.Site::directory));
        if (!directories.allMatch(directory -> Files.isDirectory(Path.of(directory)))) {
            return "their applications are gone";
        }
        if (!Acceptor.canShare() || (config.accept() != AcceptMode.AUTO && config.accept() != AcceptMode.SHARED)) {
            return "--accept is not shared any more";
        }
        boolean same = plan.ports().size() == config.listeners().size();
        for (int i = 0; same && i < plan.ports().size(); i++) {
            Register.Port port = plan.ports().get(i);
            InetSocketAddress wanted = config.listeners().get(i).address();
            same = port.asked().equals(literal(wanted))
                    && List.of(0, port.number()).contains(wanted.getPort());
        }
        return same
                ? null
                : "they listen on "
                        + String.join(
                                " and ",
                                plan.ports().stream()
                                        .map(port -> port.address() + " port " + port.number())
                                        .toList());
    }

    private static List<InetSocketAddress> addresses(Register.Plan plan) throws IOException {
        List<InetSocketAddress> addresses = new ArrayList<>();
        for (Register.Port port : plan.ports()) {
            addresses.add(new InetSocketAddress(InetAddress.getByName(port.address()), port.number()));
        }
        return addresses;
    }

    private static String literal(InetSocketAddress address) {
        return NetUtil.toAddressString(address.getAddress());
    }

    /** Everything but applications that a worker of one configuration has and one of another has not. */
    private static String options(LauncherConfig config) {
        StringBuilder text = new StringBuilder();
        CatalinaBase installed = config.installed();
        if (installed != null) {
            text.append(installed).append('\n');
            text.append(Webapps.fingerprint(installed.serverXml().hosts())).append('\n');
        }
        for (Listener listener : config.listeners()) {
            text.append(listener.option()).append(' ').append(listener.certificate());
            text.append('\n');
        }
        text.append("trust ").append(config.trust()).append('\n');
        text.append("forwarded-headers ").append(config.forwardedHeaders()).append('\n');
        text.append("proxy-protocol ").append(config.proxyProtocol()).append('\n');
        text.append("expose-worker ").append(config.exposeWorker()).append('\n');
        text.append("sessions ").append(config.sessions().fingerprint()).append('\n');
        text.append("loop ").append(config.loop()).append('\n');
        text.append("health-path ").append(config.healthPath()).append('\n');
        text.append("access-log ").append(config.accessLog()).append('\n');
        text.append("java ").append(config.java()).append('\n');
        text.append("worker-opts ").append(config.workerOptions()).append('\n');
        return text.toString();
    }

    /** The applications that were asked for. A directory may change unseen. */
    private static String apps(LauncherConfig config) {
        StringBuilder text = new StringBuilder();
        for (App app : config.apps()) {
            text.append(app.mount())
                    .append('=')
                    .append(app.source())
                    .append(' ')
                    .append(stamp(app.source()));
            text.append('\n');
        }
        return text.toString();
    }

    private static String stamp(Path source) {
        try {
            return Files.isDirectory(source)
                    ? "directory"
                    : Files.size(source) + " bytes of " + Files.getLastModifiedTime(source);
        } catch (IOException e) {
            return "unreadable";
        }
    }

    /** Some may be finishing what they have: a worker that was told to leave has no socket to offer any more. */
    private static void end(List<Survivor> workers) throws InterruptedException, IOException {
        signal(workers, ProcessHandle::destroy);
        await(workers);
        kill(workers);
    }

    private static void kill(List<Survivor> workers) throws InterruptedException, IOException {
        signal(workers, ProcessHandle::destroyForcibly);
        await(workers);
        for (Survivor worker : workers) {
            if (worker.lives()) {
                throw new IOException("worker " + worker.slot() + "/" + worker.id() + " (pid " + worker.pid()
                        + ") of a dead supervisor can't be killed");
            }
            // After an upgrade it was our child.
            Posix.reap(worker.pid());
        }
    }

    private static void signal(List<Survivor> workers, Consumer<ProcessHandle> signal) {
        for (Survivor worker : workers) {
            ProcessHandle process = worker.handle();
            if (process != null) {
                signal.accept(process);
            }
        }
    }

    private static void await(List<Survivor> workers) throws InterruptedException {
        long end = System.nanoTime() + LEAVE.toNanos();
        while (workers.stream().anyMatch(Survivor::lives) && System.nanoTime() - end < 0) {
            TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
        }
    }
}
