package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.acceptor.Acceptor;
import dev.clowder.launcher.config.AcceptMode;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.wire.Message;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Keeps one worker alive in each slot. One thread owns everything here and sleeps until an {@link Event} arrives or a
 * deadline passes: each {@link #step} takes the facts in, compares what is with what is wanted, acts, and says when it
 * wants to run again. Only {@link #post} may be called by other threads.
 */
final class Supervisor {
    /** Deaths in a row, with no worker ever ready, after which starting is given up. */
    static final int MAX_FAILED_STARTS = 5;

    static final int OK = 0;
    static final int COULD_NOT_START = 3;
    static final int NO_CLUSTER = 5;

    private static final long NEVER = Long.MAX_VALUE;

    private final LauncherConfig config;
    private final RunDirectory directory;
    private final List<Message.Mount> mounts;
    private final Acceptor acceptor;
    private final Host host;
    private final Observer observer;
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final List<WorkerSlot> slots = new ArrayList<>();
    private final List<Event.Caller> waitingForStop = new ArrayList<>();
    private final long startedAt;
    private final int bootLimit = Math.max(1, Runtime.getRuntime().availableProcessors() / 2);

    private int lastId;
    private boolean everReady;
    private boolean stopping;
    private volatile boolean ended;
    private int result = OK;

    Supervisor(
            LauncherConfig config,
            RunDirectory directory,
            List<Message.Mount> mounts,
            Acceptor acceptor,
            Host host,
            Observer observer) {
        this.config = config;
        this.directory = directory;
        this.mounts = mounts;
        this.acceptor = acceptor;
        this.host = host;
        this.observer = observer;
        startedAt = host.now();
        InetSocketAddress address = acceptor.address();
        observer.log("listening on " + NetUtil.toAddressString(address.getAddress()) + " port " + address.getPort()
                + ", accept " + acceptor.mode().name().toLowerCase(Locale.ROOT) + ", " + config.workers()
                + " workers, run directory " + directory.root());
        Random random = new Random();
        for (int number = 1; number <= config.workers(); number++) {
            slots.add(new WorkerSlot(number, startedAt, random));
        }
    }

    /** Hands a fact to the supervisor's thread. Any thread; never blocks. */
    void post(Event event) {
        events.add(event);
        if (ended) {
            refuseQuestions();
        }
    }

    /**
     * The supervisor's thread: returns when all workers are gone after a stop.
     *
     * @return the exit code of the contract
     */
    int run() throws InterruptedException {
        while (true) {
            long now = host.now();
            long wake = step(now);
            observer.state(state(), ready(), slots.size());
            if (finished()) {
                return result;
            }
            wake = Math.min(wake, observer.awake(now));
            Event event = wake == NEVER ? events.take() : events.poll(wake - now, TimeUnit.NANOSECONDS);
            if (event != null) {
                handle(event, host.now());
            }
        }
    }

    /** Tells those who asked for the stop; called when nothing of the cluster is left. */
    void answerStop() {
        ended = true;
        refuseQuestions();
        waitingForStop.forEach(caller -> caller.answer(new Message.Reply(OK, "stopped")));
        waitingForStop.clear();
    }

    private void refuseQuestions() {
        for (Event event = events.poll(); event != null; event = events.poll()) {
            if (event instanceof Event.Asked asked) {
                asked.caller().answer(new Message.Reply(NO_CLUSTER, "the cluster has ended"));
            }
        }
    }

    /** Whether it was stopped and no worker is left. */
    boolean finished() {
        return stopping && slots.stream().noneMatch(slot -> slot.state.hasProcess());
    }

    /**
     * Takes in what was posted, then does what is due.
     *
     * @return when it must run again unless something is posted before
     */
    long step(long now) {
        for (Event event = events.poll(); event != null; event = events.poll()) {
            handle(event, now);
        }
        expire(now);
        spawn(now);
        return nextDeadline();
    }

    // What happened

    private void handle(Event event, long now) {
        if (event instanceof Event.Said said) {
            WorkerSlot slot = slotOf(said.id());
            if (slot != null) {
                said(slot, said, now);
            }
        } else if (event instanceof Event.Disconnected gone) {
            WorkerSlot slot = slotOf(gone.id());
            if (slot != null && slot.disconnect()) {
                fire(WorkerEvent.Kind.DISCONNECTED, slot, null);
            }
        } else if (event instanceof Event.Exited exited) {
            WorkerSlot slot = slotOf(exited.id());
            if (slot != null) {
                exited(slot, exited.exitValue(), now);
            }
        } else if (event instanceof Event.Asked asked) {
            answer(asked, now);
        } else if (event instanceof Event.StopAsked stop) {
            stop(stop.now(), now);
        }
    }

    private void said(WorkerSlot slot, Event.Said said, long now) {
        Message message = said.message();
        if (message instanceof Message.Hello && !slot.connected()) {
            slot.connect(said.from());
            slot.order(start(slot));
            fire(WorkerEvent.Kind.ONLINE, slot, null);
        } else if (message instanceof Message.Ready && slot.state == WorkerState.STARTING) {
            slot.ready(now);
            everReady = true;
            publish();
            observer.log("worker " + slot.name() + " ready after " + Text.seconds(now - slot.spawnedAt));
            fire(WorkerEvent.Kind.LISTENING, slot, null);
        } else if (message instanceof Message.Failed failed) {
            slot.endReason = failed.reason();
        } else if (message instanceof Message.Drained && slot.state.hasProcess()) {
            slot.enter(WorkerState.Kind.DRAINED, after(now, config.timeouts().stop()));
            publish();
        } else if (message instanceof Message.Load load) {
            slot.load = load;
        }
    }

    private void exited(WorkerSlot slot, int exitValue, long now) {
        if (slot.disconnect()) {
            fire(WorkerEvent.Kind.DISCONNECTED, slot, null);
        }
        String failure = slot.endReason;
        String life = Text.seconds(now - slot.spawnedAt);
        Exit exit = Exit.of(exitValue, stopping && failure == null ? "stopped" : failure, host.timeOfDay());
        slot.exited(exit, now);
        publish();
        if (stopping) {
            observer.log("worker " + slot.name() + " stopped after " + life + " (" + exit.cause() + ")");
        } else {
            observer.log("worker " + slot.name() + " died after " + life + ": " + exit.cause()
                    + (failure == null ? "" : ", " + failure)
                    + (slot.wasReady ? "" : ", before it was ready"));
        }
        fire(WorkerEvent.Kind.EXITED, slot, exit);
        if (!everReady && !stopping && (failure != null || slot.delay.young() >= MAX_FAILED_STARTS)) {
            fail(failure == null ? slot.delay.young() + " workers died in a row" : failure);
        }
    }

    private void answer(Event.Asked asked, long now) {
        switch (asked.command().name()) {
            case "status" ->
                asked.caller().answer(new Message.Reply(OK, status(now).json()));
            case "stop", "stop-now" -> {
                waitingForStop.add(asked.caller());
                stop(asked.command().name().equals("stop-now"), now);
            }
            default ->
                asked.caller()
                        .answer(new Message.Reply(
                                2, "unknown command " + asked.command().name()));
        }
    }

    // What is wanted

    private void stop(boolean immediately, long now) {
        if (!stopping) {
            observer.log(
                    immediately ? "stopping now" : "stopping: no new connections, requests in flight are finished");
            letGo();
        }
        for (WorkerSlot slot : slots) {
            if (immediately && slot.state.hasProcess()) {
                host.kill(slot.id);
            } else if (slot.state == WorkerState.READY) {
                drain(slot, now);
            } else if (slot.state == WorkerState.STARTING) {
                host.terminate(slot.id);
                slot.enter(
                        WorkerState.Kind.STOP_ASKED,
                        after(now, config.timeouts().stop()));
            }
        }
    }

    /** Nothing was ever ready and nothing will be. */
    private void fail(String cause) {
        observer.log("can't start: no worker became ready: " + cause);
        result = COULD_NOT_START;
        letGo();
        slots.stream().filter(slot -> slot.state.hasProcess()).forEach(slot -> host.kill(slot.id));
    }

    private void letGo() {
        stopping = true;
        acceptor.stop();
        publish();
    }

    private void drain(WorkerSlot slot, long now) {
        Duration drain = config.timeouts().drain();
        if (!slot.order(new Message.Stop(drain.toMillis(), 1000))) {
            host.terminate(slot.id);
        }
        slot.enter(WorkerState.Kind.STOP_ASKED, after(now, drain));
    }

    private void expire(long now) {
        for (WorkerSlot slot : slots) {
            if (!slot.state.hasProcess() || slot.deadline > now) {
                continue;
            }
            switch (slot.state) {
                case STARTING ->
                    giveUp(
                            slot,
                            "not ready within "
                                    + Text.seconds(config.timeouts().boot().toNanos()),
                            now);
                case DRAINING ->
                    slot.enter(
                            WorkerState.Kind.EXPIRED,
                            after(now, config.timeouts().stop()));
                case STOPPING -> giveUp(slot, "did not stop in time", now);
                case READY, BACKOFF -> throw new IllegalStateException(slot.state + " has no deadline");
            }
        }
    }

    private void giveUp(WorkerSlot slot, String reason, long now) {
        if (slot.endReason == null) {
            slot.endReason = reason;
        }
        observer.log("worker " + slot.name() + " is killed: " + reason);
        host.kill(slot.id);
        slot.enter(WorkerState.Kind.EXPIRED, after(now, config.timeouts().stop()));
    }

    private void spawn(long now) {
        for (WorkerSlot slot : slots) {
            if (mayBoot(slot) && slot.deadline <= now) {
                spawn(slot, now);
            }
        }
    }

    /**
     * Slot 1 shows first whether the application starts at all. Then at most half of the processors boot, because that
     * steals from the workers that serve.
     */
    private boolean mayBoot(WorkerSlot slot) {
        if (stopping || slot.state != WorkerState.BACKOFF || (!everReady && slot.number > 1)) {
            return false;
        }
        return slots.stream()
                        .filter(other -> other.state == WorkerState.STARTING)
                        .count()
                < bootLimit;
    }

    private void spawn(WorkerSlot slot, long now) {
        int id = ++lastId;
        try {
            slot.spawned(
                    id,
                    host.spawn(slot.number, id),
                    now,
                    after(now, config.timeouts().boot()));
            fire(WorkerEvent.Kind.FORKED, slot, null);
        } catch (IOException e) {
            slot.deadline = now + slot.delay.afterFailedStart();
            observer.log("can't start worker " + slot.number + "/" + id + ": " + e.getMessage());
            if (!everReady) {
                fail(String.valueOf(e.getMessage()));
            }
        }
    }

    // What others are told

    private Message.Start start(WorkerSlot slot) {
        return new Message.Start(
                slot.number,
                config.workers(),
                1,
                directory.slot(slot.number).toString(),
                directory.intake(slot.id).toString(),
                acceptor.mode() == AcceptMode.SHARED ? directory.listeners().toString() : "",
                acceptor.address().getPort(),
                config.trust(),
                config.exposeWorker(),
                config.healthPath(),
                config.timeouts().orphan().toMillis(),
                mounts);
    }

    private Observer.State state() {
        return stopping ? Observer.State.STOPPING : everReady ? Observer.State.RUNNING : Observer.State.STARTING;
    }

    private int ready() {
        return (int)
                slots.stream().filter(slot -> slot.state == WorkerState.READY).count();
    }

    private void publish() {
        List<Path> intakes = new ArrayList<>();
        for (WorkerSlot slot : slots) {
            if (!stopping && slot.state == WorkerState.READY) {
                intakes.add(directory.intake(slot.id));
            }
        }
        acceptor.ready(intakes);
    }

    private void fire(WorkerEvent.Kind kind, WorkerSlot slot, @Nullable Exit exit) {
        observer.changed(new WorkerEvent(kind, slot.number, slot.id, slot.pid, exit));
    }

    Status status(long now) {
        return Status.of(state().name(), now - startedAt, acceptor, slots, now);
    }

    private @Nullable WorkerSlot slotOf(int id) {
        for (WorkerSlot slot : slots) {
            if (slot.id == id && slot.state.hasProcess()) {
                return slot;
            }
        }
        return null;
    }

    private long nextDeadline() {
        long next = NEVER;
        for (WorkerSlot slot : slots) {
            // A slot that may not boot yet waits for what happens to another, not for a time.
            if (slot.state.hasProcess() || mayBoot(slot)) {
                next = Math.min(next, slot.deadline);
            }
        }
        return next;
    }

    private static long after(long now, Duration time) {
        return now + time.toNanos();
    }
}
