package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Wire;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Takes in what workers say and what becomes of their processes. Belongs to the supervisor's thread. Times are nanoseconds
 * of the host's clock.
 */
final class Reports {
    /** Deaths in a row, with no worker ever ready, after which starting is given up. */
    static final int MAX_FAILED_STARTS = 5;
    /** What a JVM exits with that was told to end when memory is exhausted. */
    private static final int OUT_OF_MEMORY = 3;

    private final LauncherConfig config;
    private final RunDirectory directory;
    private final Workers workers;
    private final Replicas replicas;
    private final TicketKeys tickets;
    private final Host host;
    private final Observer observer;

    Reports(
            LauncherConfig config,
            RunDirectory directory,
            Workers workers,
            Replicas replicas,
            TicketKeys tickets,
            Host host,
            Observer observer) {
        this.config = config;
        this.directory = directory;
        this.workers = workers;
        this.replicas = replicas;
        this.tickets = tickets;
        this.host = host;
        this.observer = observer;
    }

    void said(Worker worker, Event.Said said, long now) {
        Message message = said.message();
        if (message instanceof Message.Hello hello && (worker.awaited || hello.serving())) {
            cameBack(worker, hello, said.from(), now);
        } else if (message instanceof Message.Hello && !worker.connected()) {
            worker.connect(said.from());
            worker.order(workers.start(worker));
            tickets.tell(worker, now);
            workers.fire(WorkerEvent.Kind.ONLINE, worker);
        } else if (message instanceof Message.Ready && worker.state == WorkerState.STARTING) {
            worker.ready(now);
            workers.someoneIsReady();
            workers.publish();
            observer.log("worker " + worker.name() + " ready after " + Text.seconds(now - worker.begunAt));
            if (worker.slot.number != 0) {
                workers.fire(WorkerEvent.Kind.LISTENING, worker);
            }
        } else if (message instanceof Message.Failed failed) {
            worker.endReason = failed.reason();
        } else if (message instanceof Message.Leaving leaving && worker.state.serves()) {
            // Not asked by us: its slot will be filled again.
            observer.log("worker " + worker.name() + " was told to leave by somebody else");
            worker.enter(WorkerState.Kind.STOP_ASKED, Workers.after(now, Duration.ofMillis(leaving.drainMillis())));
            workers.publish();
        } else if (message instanceof Message.Drained) {
            worker.enter(
                    WorkerState.Kind.DRAINED,
                    Workers.after(now, config.timeouts().stop()));
            workers.publish();
            replicas.left(worker);
        } else if (message instanceof Message.Load load) {
            worker.beat(load, now);
        } else {
            replicas.said(worker, message, now);
        }
    }

    /** An orphan: it serves, or finishes what it has. Two of a slot may come back when it was just being replaced. */
    private void cameBack(Worker worker, Message.Hello hello, Wire from, long now) {
        worker.disconnect();
        worker.connect(from);
        worker.order(new Message.Adopted(config.timeouts().orphan().toMillis()));
        tickets.tell(worker, now);
        if (!worker.awaited) {
            return;
        }
        worker.awaited = false;
        worker.keyUnknown = true;
        worker.ready(now);
        observer.log("worker " + worker.name() + " adopted" + (hello.serving() ? "" : ", it is leaving"));
        workers.fire(WorkerEvent.Kind.ONLINE, worker);
        boolean wanted = hello.serving() && !workers.stopping() && worker.slot.cameBack(worker);
        if (wanted) {
            workers.fire(WorkerEvent.Kind.LISTENING, worker);
            workers.publish();
        } else if (hello.serving()) {
            workers.drain(worker, config.timeouts().drain(), now);
        } else {
            worker.slot.leaves(worker);
            worker.asked = true;
            worker.enter(
                    WorkerState.Kind.STOP_ASKED,
                    Workers.after(now, config.timeouts().drain()));
            workers.publish();
        }
    }

    /** A worker that nobody knows here. */
    void dismiss(Wire worker) {
        workers.write(
                () -> worker.post(new Message.Stop(config.timeouts().drain().toMillis(), 1000)));
    }

    void probed(Event.Probed probed, long now) {
        Worker worker = workers.find(probed.id());
        Watch watch = worker == null ? null : worker.watch();
        if (watch != null) {
            watch.probed(probed, now);
        }
    }

    /** A connection of a worker has ended; null stands for whichever it has. */
    void disconnected(int id, @Nullable Wire from) {
        Worker worker = workers.find(id);
        if (worker != null && worker.hasConnection(from) && worker.disconnect()) {
            workers.fire(WorkerEvent.Kind.DISCONNECTED, worker);
        }
    }

    void exited(Worker worker, Event.Exited exited, long now) {
        disconnected(worker.id, null);
        workers.write(() -> directory.register().ended(worker.id));
        if (worker.endReason == null && exited.outOfMemory()) {
            worker.endReason = "killed by the kernel: out of memory";
        } else if (worker.endReason == null && exited.exitValue() == OUT_OF_MEMORY) {
            worker.endReason = "out of memory";
        }
        String failure = worker.endReason;
        Exit exit =
                Exit.of(exited.exitValue(), worker.asked && failure == null ? "stopped" : failure, host.timeOfDay());
        worker.exit = exit;
        worker.enter(WorkerState.Kind.EXITED, Long.MAX_VALUE);
        worker.slot.remove(worker, now);
        replicas.left(worker);
        workers.forgetEmptySlots();
        workers.publish();
        String life = Text.seconds(now - worker.spawnedAt);
        String line;
        if (worker.asked) {
            line = "worker " + worker.name() + " stopped after " + life + " (" + exit.cause() + ")";
        } else {
            line = "worker " + worker.name() + " died after " + life + ": " + exit.cause()
                    + (failure == null ? "" : ", " + failure)
                    + (failure == null && "SIGKILL".equals(exit.signal())
                            ? " (not by us, perhaps for lack of memory)"
                            : "")
                    + (worker.wasReady ? "" : ", before it was ready")
                    + (worker.slot.delay.quarantined() ? "; slot quarantined, one try every 30 s" : "");
            worker.slot.died(exit);
        }
        observer.log(line);
        observer.event(ClusterEvent.of("exited", line, worker, exit, cause(worker, exit)));
        workers.fire(WorkerEvent.Kind.EXITED, worker);
        int young = worker.slot.delay.young();
        if (!worker.asked && (failure != null || young >= MAX_FAILED_STARTS)) {
            workers.giveUpUnlessReady(failure == null ? young + " workers died in a row" : failure);
        }
    }

    /** The kinds of ends: few, so that they can be counted apart. */
    private static String cause(Worker worker, Exit exit) {
        String reason = exit.reason();
        if (worker.asked) {
            return "asked";
        }
        if (reason.startsWith("hung")) {
            return "hang";
        }
        if (reason.contains("out of memory") || reason.startsWith("heap exhausted")) {
            return "memory";
        }
        if (!worker.wasReady) {
            return "start";
        }
        return exit.signal() == null ? "exit" : "signal";
    }
}
