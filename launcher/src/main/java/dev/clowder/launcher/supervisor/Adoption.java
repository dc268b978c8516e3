package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.acceptor.Acceptor;
import dev.clowder.launcher.config.AcceptMode;
import dev.clowder.launcher.config.App;
import dev.clowder.launcher.config.LauncherConfig;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a supervisor takes over from one that was killed, or that replaced itself: the listening socket, the workers
 * behind it and their applications. Immutable.
 *
 * @param acceptor the port, taken back from a worker; null when it must be bound
 * @param workers those who serve on it
 * @param lastId the highest id ever used
 * @param generation what they run; null when the first must be made
 * @param changed whether something else was asked for now than when they were started, or by another version of the
 *     launcher: then they are to be replaced
 */
record Adoption(
        @Nullable Acceptor acceptor,
        List<Survivor> workers,
        int lastId,
        @Nullable Generation generation,
        boolean changed) {
    /** For the first worker to bring the socket, and then for each to come back. A stopped one does neither. */
    static final Duration PATIENCE = Duration.ofSeconds(10);

    /** A first start. */
    static final Adoption NOTHING = new Adoption(null, List.of(), 0, null, false);

    private static final Duration LEAVE = Duration.ofSeconds(5);
    private static final long LOOK_MILLIS = 20;

    Adoption {
        workers = List.copyOf(workers);
    }

    /**
     * Takes over what can be taken over, and ends workers that can't: afterwards none lives that is not in the result.
     *
     * @throws IOException if that was not possible
     */
    static Adoption begin(RunDirectory directory, LauncherConfig config, Consumer<String> log) throws IOException {
        List<Survivor> living = directory.register().living();
        Register.Plan plan = directory.register().plan();
        if (living.isEmpty()) {
            return NOTHING;
        }
        int lastId = directory.register().lastId();
        try {
            String obstacle = obstacle(plan, config);
            if (plan != null && obstacle == null) {
                Acceptor acceptor = Acceptor.takeOver(directory.orphans(), address(plan), PATIENCE);
                if (acceptor != null) {
                    return adopt(acceptor, living, lastId, plan, config);
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
        return new Adoption(null, List.of(), lastId, null, false);
    }

    private static Adoption adopt(
            Acceptor acceptor, List<Survivor> living, int lastId, Register.Plan plan, LauncherConfig config) {
        Generation generation = plan.generation();
        boolean changed = !plan.options().equals(options(config))
                || !plan.version().equals(Version.text())
                || living.stream().anyMatch(survivor -> survivor.generation() != generation.number());
        return new Adoption(acceptor, living, lastId, generation, changed);
    }

    /** What is written down for the next supervisor when a generation has proven itself. */
    static Register.Plan plan(LauncherConfig config, InetSocketAddress bound, Generation generation) {
        return new Register.Plan(
                literal(config.listen()),
                NetUtil.toAddressString(bound.getAddress()),
                bound.getPort(),
                options(config),
                Version.text(),
                generation);
    }

    /** Why workers can't go on under this configuration, in a few words; null if they can. */
    private static @Nullable String obstacle(Register.@Nullable Plan plan, LauncherConfig config) {
        if (plan == null) {
            return "they did not serve yet";
        }
        if (!plan.generation().mounts().stream().allMatch(mount -> Files.isDirectory(Path.of(mount.directory())))) {
            return "their applications are gone";
        }
        if (!Acceptor.canShare() || (config.accept() != AcceptMode.AUTO && config.accept() != AcceptMode.SHARED)) {
            return "--accept is not shared any more";
        }
        int port = config.listen().getPort();
        if (!plan.asked().equals(literal(config.listen())) || (port != 0 && port != plan.port())) {
            return "they listen on " + plan.address() + " port " + plan.port();
        }
        return null;
    }

    private static InetSocketAddress address(Register.Plan plan) throws IOException {
        return new InetSocketAddress(InetAddress.getByName(plan.address()), plan.port());
    }

    private static String literal(InetSocketAddress address) {
        return NetUtil.toAddressString(address.getAddress());
    }

    /** Everything that a worker of one configuration has and one of another has not. A directory may change unseen. */
    static String options(LauncherConfig config) {
        StringBuilder text = new StringBuilder();
        for (App app : config.apps()) {
            text.append(app.mount())
                    .append('=')
                    .append(app.source())
                    .append(' ')
                    .append(stamp(app.source()));
            text.append('\n');
        }
        text.append("trust ").append(config.trust()).append('\n');
        text.append("forwarded-headers ").append(config.forwardedHeaders()).append('\n');
        text.append("proxy-protocol ").append(config.proxyProtocol()).append('\n');
        text.append("expose-worker ").append(config.exposeWorker()).append('\n');
        text.append("health-path ").append(config.healthPath()).append('\n');
        text.append("java ").append(config.java()).append('\n');
        text.append("worker-opts ").append(config.workerOptions()).append('\n');
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
