package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * The slots and the processes in them: starts what is missing, watches what is ready, ends what is told to leave. Belongs
 * to the supervisor's thread. Times are nanoseconds of the host's clock.
 */
final class Workers {
    /** System property, for tests, which wait for all workers and serve nobody meanwhile. */
    private static final String BOOT_TOGETHER = "clowder.boot-together";

    private final LauncherConfig config;
    private final RunDirectory directory;
    private final Listeners listeners;
    private final Host host;
    private final Observer observer;
    private final StartOrder startOrder;
    private final HangGuard hangs;
    private final Random random = new Random();
    private final List<WorkerSlot> slots = new ArrayList<>();
    private final Spare spare;
    private final boolean bootTogether = Boolean.getBoolean(BOOT_TOGETHER);
    private final int bootLimit =
            bootTogether ? Integer.MAX_VALUE : Math.max(1, Runtime.getRuntime().availableProcessors() / 2);

    private Generation generation;
    private int wanted;
    private int lastId;
    private boolean everReady;
    private boolean stopping;
    private @Nullable String hopeless;

    Workers(
            LauncherConfig config,
            int count,
            RunDirectory directory,
            Generation generation,
            Listeners listeners,
            Host host,
            Observer observer) {
        this.config = config;
        this.directory = directory;
        this.generation = generation;
        this.listeners = listeners;
        startOrder = new StartOrder(config, directory, listeners);
        this.host = host;
        this.observer = observer;
        hangs = new HangGuard(config.timeouts().hang(), host, observer, this::publish);
        spare = new Spare(config.spare() > 0, host.now(), random);
        want(count, host.now());
    }

    // What is there

    List<WorkerSlot> slots() {
        return slots;
    }

    @Nullable
    WorkerSlot slot(int number) {
        return slots.stream().filter(slot -> slot.number == number).findFirst().orElse(null);
    }

    List<Worker> all() {
        List<Worker> all = new ArrayList<>();
        slots.forEach(slot -> all.addAll(slot.workers()));
        all.addAll(spare.place.workers());
        return all;
    }

    Spare spare() {
        return spare;
    }

    @Nullable
    Worker find(int id) {
        return all().stream().filter(worker -> worker.id == id).findFirst().orElse(null);
    }

    /** What a slot without a worker gets. */
    Generation generation() {
        return generation;
    }

    /** From now on this is what runs. */
    void commit(Generation proven) {
        if (!proven.equals(generation)) {
            write(() -> directory.register().plan(Adoption.plan(config, listeners.addresses(), wanted, proven)));
            spare.forgive(host.now());
        }
        generation = proven;
    }

    int wanted() {
        return wanted;
    }

    /** How many slots have a ready worker. */
    int ready() {
        return (int) slots.stream()
                .filter(slot -> slot.current != null && slot.current.state == WorkerState.READY)
                .count();
    }

    boolean everReady() {
        return everReady;
    }

    boolean stopping() {
        return stopping;
    }

    void someoneIsReady() {
        everReady = true;
    }

    /** What ends one worker would end all; once one was ready that is no longer so. */
    void giveUpUnlessReady(String cause) {
        if (!everReady) {
            hopeless = cause;
        }
    }

    /** Slots that are on their way out and have no process any more are gone. */
    void forgetEmptySlots() {
        slots.removeIf(slot -> slot.retired && slot.empty());
    }

    /** Why no worker will ever become ready; null while there is hope. */
    @Nullable
    String hopeless() {
        return hopeless;
    }

    // What is wanted

    /** More or fewer slots: a new one gets its worker as soon as it may boot, one too many drains and goes. */
    void want(int count, long now) {
        wanted = count;
        for (int number = 1; number <= count; number++) {
            if (slot(number) == null) {
                slots.add(new WorkerSlot(number, now, random));
            }
        }
        for (WorkerSlot slot : slots) {
            slot.retired = slot.number > count;
            if (slot.retired) {
                slot.workers().forEach(worker -> drain(worker, config.timeouts().drain(), now));
                slot.vacate();
            }
        }
        forgetEmptySlots();
    }

    /** A later supervisor is to go on with so many. */
    void keepWanted() {
        write(() -> directory.register().scaled(config.workers(), wanted));
    }

    void stop(boolean immediately, long now) {
        stopping = true;
        for (Worker worker : all()) {
            if (immediately) {
                worker.asked = true;
                host.kill(worker.id);
            } else {
                drain(worker, Duration.ofSeconds(1), now);
            }
        }
    }

    /**
     * Expects a worker of another supervisor to come back.
     *
     * @return what it runs
     */
    Generation adopt(Survivor survivor, long now) {
        idsAbove(survivor.id());
        // Something served here before: no failure of ours can show that the applications do not start.
        everReady = true;
        WorkerSlot slot = slot(survivor.slot());
        if (slot == null) {
            slot = new WorkerSlot(survivor.slot(), now, random);
            slot.retired = true;
            slots.add(slot);
        }
        Generation runs = survivor.generation() == generation.number()
                ? generation
                : new Generation(survivor.generation(), List.of(), List.of());
        Worker worker = new Worker(slot, survivor.id(), survivor.pid(), runs, now, Long.MAX_VALUE);
        worker.await(now, Adoption.PATIENCE.toNanos());
        slot.adopt(worker);
        return runs;
    }

    /** No new worker gets an id up to this one. */
    void idsAbove(int highest) {
        lastId = Math.max(lastId, highest);
    }

    /** Starts a worker in this slot: its current one, or one that is to follow. */
    Worker spawn(WorkerSlot slot, Generation what, long now) throws IOException {
        int id = ++lastId;
        // First the id, then the process: one that nobody wrote down must not meet another of its name.
        write(() -> directory.register().reserve(id));
        Worker worker = new Worker(
                slot,
                id,
                host.spawn(slot.number, id, wanted),
                what,
                now,
                after(now, config.timeouts().boot()));
        slot.startProblem = null;
        slot.lives++;
        slot.lastId = id;
        if (slot.current == null) {
            slot.current = worker;
        } else {
            slot.successor = worker;
        }
        write(() -> directory.register().started(slot.number, id, worker.pid, what.number()));
        fire(WorkerEvent.Kind.FORKED, worker);
        return worker;
    }

    /** Tells a worker to leave when it has finished what it has; without effect when it was told before. */
    void drain(Worker worker, Duration idle, long now) {
        worker.asked = true;
        if (worker.state == WorkerState.STARTING) {
            host.terminate(worker.id);
            worker.enter(
                    WorkerState.Kind.STOP_ASKED, after(now, config.timeouts().stop()));
        } else if (worker.state.serves()) {
            Duration drain = config.timeouts().drain();
            if (!worker.order(new Message.Stop(drain.toMillis(), idle.toMillis()))) {
                host.terminate(worker.id);
            }
            worker.enter(WorkerState.Kind.STOP_ASKED, after(now, drain));
            observer.event(ClusterEvent.of("draining", "worker " + worker.name() + " finishes what it has", worker));
        }
        publish();
    }

    /** Ends a worker now. */
    void kill(Worker worker, String reason, long now) {
        if (worker.endReason == null) {
            worker.endReason = reason;
        }
        observer.log("worker " + worker.name() + " is killed: " + reason);
        host.kill(worker.id);
        worker.enter(WorkerState.Kind.EXPIRED, after(now, config.timeouts().stop()));
        publish();
    }

    void killAll() {
        stopping = true;
        all().forEach(worker -> host.kill(worker.id));
    }

    // What is due

    /** The supervisor was away: deadlines of that time do not count. */
    void forgive(long gap) {
        all().forEach(worker -> worker.forgive(gap));
    }

    void step(long now) {
        for (Worker worker : all()) {
            if (worker.deadline <= now) {
                expire(worker, now);
            } else if (worker.state == WorkerState.STARTING
                    && !worker.connected()
                    && !worker.awaited
                    && worker.helloDue < now
                    && worker.isStuck(now, host.processorTime(worker.id))) {
                kill(worker, "said nothing within " + Text.seconds(now - worker.spawnedAt), now);
            }
            hangs.watch(worker, now);
        }
        fill(now);
    }

    /** When something is due, unless something happens before. */
    long next(long now) {
        long next = Long.MAX_VALUE;
        for (Worker worker : all()) {
            Watch watch = worker.watch();
            next = Math.min(next, worker.deadline);
            if (watch != null) {
                next = Math.min(next, watch.next(now));
            }
            if (worker.state == WorkerState.STARTING && !worker.connected()) {
                next = Math.min(next, worker.helloDue + 1);
            }
        }
        // Who may not boot yet waits for what happens to another, not for a time.
        boolean possible = mayBoot() || spare.waiting(generation) != null;
        for (WorkerSlot slot : slots) {
            if (possible && isVacant(slot)) {
                next = Math.min(next, slot.retryAt);
            }
        }
        if (isSpareDue()) {
            next = Math.min(next, spare.place.retryAt);
        }
        return next;
    }

    private void expire(Worker worker, long now) {
        switch (worker.state) {
            case STARTING ->
                kill(
                        worker,
                        worker.awaited
                                ? "did not come back to the new supervisor"
                                : "not ready within " + Text.seconds(worker.deadline - worker.begunAt),
                        now);
            case DRAINING ->
                worker.enter(
                        WorkerState.Kind.EXPIRED, after(now, config.timeouts().stop()));
            case STOPPING -> kill(worker, "did not stop in time", now);
            case READY, SUSPECT, BACKOFF, QUARANTINED ->
                throw new IllegalStateException(worker.state + " has no deadline");
        }
    }

    /** A vacant slot gets the worker that waits for one, or a new one; then there is time for the next to wait. */
    private void fill(long now) {
        for (WorkerSlot slot : slots) {
            if (isVacant(slot) && slot.retryAt <= now) {
                Worker waiting = spare.waiting(generation);
                if (waiting != null) {
                    place(waiting, slot, now);
                } else if (mayBoot()) {
                    start(slot, now);
                }
            }
        }
        Worker outdated = spare.outdated(generation);
        if (outdated != null) {
            drain(outdated, Duration.ZERO, now);
            spare.place.vacate();
        }
        if (isSpareDue() && spare.place.retryAt <= now) {
            start(spare.place, now);
        }
    }

    private void start(WorkerSlot slot, long now) {
        try {
            spawn(slot, generation, now);
        } catch (IOException e) {
            slot.retryAt = now + slot.delay.afterFailedStart(now);
            slot.startProblem = RunDirectory.reason(e);
            observer.log("can't start a worker in slot " + slot.number + ": " + slot.startProblem);
            giveUpUnlessReady(slot.startProblem);
        }
    }

    /** The spare becomes the worker of this slot. First it is written down, as at a start. */
    private void place(Worker worker, WorkerSlot slot, long now) {
        observer.log("worker " + worker.name() + " takes slot " + slot.number);
        spare.place.current = null;
        spare.forgive(now);
        worker.take(slot, now, after(now, Spare.PATIENCE));
        slot.current = worker;
        slot.lives++;
        slot.lastId = worker.id;
        write(() -> directory.register().started(slot.number, worker.id, worker.pid, worker.generation.number()));
        observer.event(ClusterEvent.of("placed", "worker " + worker.name() + " was the spare", worker));
        if (!worker.order(new Message.TakeSlot(slot.number, wanted, host.move(worker.id, slot.number)))) {
            kill(worker, "can't be told its slot", now);
        }
    }

    private boolean isSpareDue() {
        return !stopping && mayBoot() && spare.isMissing(slots);
    }

    /** Whether a worker may be put there. Slot 1 shows first whether the application starts at all. */
    private boolean isVacant(WorkerSlot slot) {
        return !stopping
                && slot.current == null
                && slot.successor == null
                && slot.leaving.stream().noneMatch(worker -> worker.awaited)
                && !slot.reserved
                && !slot.retired
                && (everReady || bootTogether || slot.number == 1);
    }

    /** At most half of the processors boot, because that steals from the workers that serve. */
    private boolean mayBoot() {
        return all().stream()
                        .filter(other -> other.state == WorkerState.STARTING && !other.awaited)
                        .count()
                < bootLimit;
    }

    // What others are told

    /** What a worker has to run. */
    Message.Start start(Worker worker) {
        return startOrder.of(worker, wanted);
    }

    /** Tells the acceptors who takes connections. */
    void publish() {
        List<Integer> takers = new ArrayList<>();
        for (Worker worker : all()) {
            if (!stopping && worker.state == WorkerState.READY && worker.slot.number != 0) {
                takers.add(worker.id);
            }
        }
        listeners.ready(takers, directory);
    }

    void fire(WorkerEvent.Kind kind, Worker worker) {
        observer.changed(new WorkerEvent(kind, worker.slot.number, worker.id, worker.pid, worker.exit));
        if (kind != WorkerEvent.Kind.EXITED) {
            String name = kind.name().toLowerCase(Locale.ROOT);
            observer.event(ClusterEvent.of(name, "worker " + worker.name() + " " + name, worker));
        }
    }

    static long after(long now, Duration time) {
        return now + time.toNanos();
    }

    /** What is written for a later supervisor, or told to a stranger, is no reason to stop when it fails. */
    void write(Note note) {
        try {
            note.write();
        } catch (IOException e) {
            observer.log("can't write down what runs, a later supervisor will not know it: " + RunDirectory.reason(e));
        }
    }

    /** Something that is written down. */
    interface Note {
        void write() throws IOException;
    }
}
