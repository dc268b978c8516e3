package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.acceptor.Acceptor;
import dev.clowder.launcher.config.AcceptMode;
import dev.clowder.launcher.config.App;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.config.Listener;
import dev.clowder.launcher.config.Reporting;
import dev.clowder.launcher.config.Sessions;
import dev.clowder.launcher.config.Timeouts;
import dev.clowder.launcher.supervisor.Event.Probed.Finding;
import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * A supervisor of two workers on a host of paper: real control connections, of which the test holds the workers' ends, but
 * no time passes and no process runs unless the test says so.
 */
final class PaperCluster implements AutoCloseable {
    static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    final FakeHost host = new FakeHost();
    final List<String> log = new ArrayList<>();
    final List<String> steps = new ArrayList<>();
    final Map<Integer, Wire> workers = new HashMap<>();
    final Set<Integer> alive = new HashSet<>();
    /** Workers that are alive and give no sign of it. */
    final Set<Integer> silent = new HashSet<>();
    /** Workers that beat and do not answer probes. */
    final Set<Integer> stuck = new HashSet<>();
    /** Workers that answer probes with a bad status. */
    final Set<Integer> sick = new HashSet<>();

    final LauncherConfig config;
    final Supervisor supervisor;
    private final Listeners listeners;
    private final RunDirectory directory;
    private final ServerSocketChannel control;

    PaperCluster(Path temporary) throws Exception {
        this(temporary, 1, 0, 0);
    }

    PaperCluster(Path temporary, int surge, long memoryLimit) throws Exception {
        this(temporary, surge, 0, memoryLimit);
    }

    PaperCluster(Path temporary, int surge, int spare, long memoryLimit) throws Exception {
        this(temporary, 2, surge, spare, memoryLimit, "", Duration.ofSeconds(60));
    }

    /** Asked for are two workers. */
    static PaperCluster scaledTo(Path temporary, int count) throws Exception {
        return new PaperCluster(temporary, count, 1, 0, 0, "", Duration.ofSeconds(60));
    }

    PaperCluster(Path temporary, int surge, int spare, long memoryLimit, String healthPath, Duration boot)
            throws Exception {
        this(temporary, 2, surge, spare, memoryLimit, healthPath, boot);
    }

    /** @param boot the time that a worker has for its start */
    private PaperCluster(
            Path temporary, int count, int surge, int spare, long memoryLimit, String healthPath, Duration boot)
            throws Exception {
        directory = RunDirectory.open(temporary.resolve("run"));
        control = ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                .bind(UnixDomainSocketAddress.of(directory.control()));
        config = new LauncherConfig(
                List.of(new Listener("--port", new InetSocketAddress(0), true, false, null)),
                2,
                List.of(new App("", temporary)),
                null,
                "loopback",
                "x-forwarded",
                "off",
                AcceptMode.RELAY,
                new Sessions(Sessions.Mode.STICKY, ""),
                null,
                null,
                null,
                new Timeouts(
                        boot,
                        Duration.ofSeconds(30),
                        Duration.ofSeconds(10),
                        Duration.ofSeconds(30),
                        Duration.ofSeconds(60)),
                Path.of("java"),
                List.of(),
                false,
                surge,
                spare,
                true,
                healthPath,
                memoryLimit,
                false,
                true,
                Reporting.NONE);
        listeners = new Listeners(
                config.listeners(),
                List.of(Acceptor.bind(
                        AcceptMode.RELAY, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), log::add)));
        Generation first = new Generation(1, config.apps(), List.of());
        supervisor = new Supervisor(config, count, directory, first, listeners, host, new Observer() {
            @Override
            public void log(String line) {
                log.add(line);
            }

            @Override
            public void changed(WorkerEvent event) {
                steps.add(event.kind() + " " + event.slot() + "/" + event.id());
            }
        });
        host.reportTo(supervisor::post);
    }

    Register register() {
        return directory.register();
    }

    @Override
    public void close() throws IOException {
        for (Wire worker : workers.values()) {
            worker.close();
        }
        control.close();
        listeners.close();
        directory.close();
    }

    long step() {
        return supervisor.step(host.now);
    }

    /** Time passes second by second, in which living workers beat and answer probes. */
    void pass(long seconds) {
        for (long i = 0; i < seconds; i++) {
            host.now += SECOND;
            for (int id : alive) {
                if (!silent.contains(id)) {
                    supervisor.post(new Event.Said(
                            id, new Message.Load(0, 0, 0, 0, host.residentBytes, null), workers.get(id)));
                }
            }
            step();
            for (int id : host.takeProbes()) {
                boolean well = alive.contains(id) && !silent.contains(id) && !stuck.contains(id);
                boolean bad = well && sick.contains(id);
                supervisor.post(
                        bad
                                ? new Event.Probed(id, Finding.ILL, "/health answered with status 503")
                                : new Event.Probed(
                                        id,
                                        well ? Finding.WELL : Finding.SILENT,
                                        well ? "" : "gave no answer within 2 s"));
            }
            step();
        }
    }

    void bothReady() throws Exception {
        step();
        ready(1);
        ready(2);
        host.take();
    }

    void ready(int id) throws Exception {
        hello(id);
        said(id, new Message.Ready());
        alive.add(id);
    }

    Wire hello(int id) throws Exception {
        Wire worker = Wire.connect(directory.control());
        workers.put(id, worker);
        supervisor.post(new Event.Said(id, new Message.Hello(0, id, 1000L + id, 0, false), new Wire(control.accept())));
        step();
        return worker;
    }

    /** A worker of another supervisor comes back; one that serves is alive from then on. */
    Wire hello(int id, boolean serving) throws Exception {
        Wire worker = Wire.connect(directory.control());
        workers.put(id, worker);
        if (serving) {
            alive.add(id);
        }
        supervisor.post(
                new Event.Said(id, new Message.Hello(0, id, 1000L + id, 1, serving), new Wire(control.accept())));
        step();
        return worker;
    }

    void said(int id, Message message) {
        supervisor.post(new Event.Said(id, message, workers.get(id)));
        step();
    }

    void exited(int id, int exitValue) {
        alive.remove(id);
        supervisor.post(new Event.Exited(id, exitValue));
        step();
    }

    CompletableFuture<Message.Reply> ask(String command, String... arguments) {
        CompletableFuture<Message.Reply> answer = new CompletableFuture<>();
        supervisor.post(new Event.Asked(new Message.Command(command, List.of(arguments)), new Answer(answer)));
        step();
        return answer;
    }

    /** {@code SLOT/ID STATE GENERATION} of each process and each empty slot. */
    List<String> status() {
        return supervisor.status(host.now).workers().stream()
                .map(worker -> worker.slot() + "/" + worker.id() + " " + worker.state() + " " + worker.generation())
                .toList();
    }

    List<String> states() {
        return supervisor.status(host.now).workers().stream()
                .map(Status.WorkerStatus::state)
                .toList();
    }
}
