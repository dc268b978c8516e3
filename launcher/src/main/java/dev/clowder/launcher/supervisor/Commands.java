package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.App;
import dev.clowder.launcher.config.AppReader;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.wire.Message;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What an operator can ask of a running cluster besides its state and its end. One change is under way at a time; another
 * is refused with the name of the first. Belongs to the supervisor's thread.
 */
final class Commands {
    /** For a worker to say what its threads do; then it is asked by a signal, and answers into its log. */
    static final long THREADS_TIME = TimeUnit.SECONDS.toNanos(2);

    static final long BETWEEN_RECYCLES = TimeUnit.SECONDS.toNanos(60);

    private final LauncherConfig config;
    private final Workers workers;
    private final Host host;
    private final Observer observer;
    private final Map<Worker, Dump> dumps = new HashMap<>();
    private final List<Generation> generations = new ArrayList<>();
    private final Instant startedAt;
    private int lastGeneration;
    private @Nullable Operation operation;

    /** Who wants to know what a worker's threads do, and until when the worker may tell itself. */
    private record Dump(List<Event.Caller> callers, long deadline) {}

    Commands(LauncherConfig config, Workers workers, Host host, Observer observer) {
        this.config = config;
        this.workers = workers;
        this.host = host;
        this.observer = observer;
        startedAt = host.timeOfDay();
        generations.add(workers.generation());
        lastGeneration = workers.generation().number();
    }

    /** A generation that workers of another supervisor run. */
    void know(Generation generation) {
        if (!generations.contains(generation)) {
            generations.add(generation);
        }
        lastGeneration = Math.max(lastGeneration, generation.number());
    }

    /** The change that is under way. */
    @Nullable
    Operation operation() {
        return operation;
    }

    /** Whether a new generation is taking over. */
    boolean isReloading() {
        return operation != null && (operation.name.equals("reload") || operation.name.equals("deploy"));
    }

    /** Goes on with what is under way. */
    void step(long now) {
        if (operation == null) {
            recycle(now);
        }
        if (operation != null && operation.step(now)) {
            operation = null;
        }
        endDumps(now);
        discardGenerations();
    }

    /** When something is due unless something happens before. */
    long next() {
        long next = operation == null ? Long.MAX_VALUE : operation.next();
        for (Dump dump : dumps.values()) {
            next = Math.min(next, dump.deadline());
        }
        return next;
    }

    /** A worker's process is gone. */
    void exited(Worker worker) {
        dumped(worker, "the worker is gone");
        if (operation != null && !worker.asked) {
            operation.died(worker);
        }
    }

    /** The cluster stops. */
    void interrupt() {
        if (operation != null) {
            operation.interrupt();
            operation = null;
        }
    }

    /** Every question gets an answer, sooner or later. */
    void answer(Event.Asked asked, boolean stopping, long now) {
        Event.Caller caller = asked.caller();
        List<String> arguments = asked.command().arguments();
        String name = asked.command().name();
        switch (name) {
            case "threads" -> threads(arguments, caller, now);
            case "reload", "deploy", "scale", "restart" -> change(name, arguments, caller, stopping);
            default -> caller.answer(new Message.Reply(Supervisor.USAGE, "unknown command " + name));
        }
    }

    private void change(String name, List<String> arguments, Event.Caller caller, boolean stopping) {
        if (stopping) {
            caller.answer(new Message.Reply(Supervisor.BUSY, name + " refused: the cluster stops"));
        } else if (operation != null) {
            caller.answer(new Message.Reply(
                    Supervisor.BUSY,
                    name + " refused: " + operation.name + " is in progress since " + operation.since + " ("
                            + operation.progress() + ")"));
        } else if (!workers.everReady()) {
            caller.answer(new Message.Reply(
                    Supervisor.BUSY,
                    name + " refused: the start is in progress since " + startedAt + ", no worker is ready yet"));
        } else if (name.equals("scale")) {
            scale(arguments, caller);
        } else if (name.equals("restart")) {
            restart(arguments, caller);
        } else {
            deploy(name, arguments, caller);
        }
    }

    private void scale(List<String> arguments, Event.Caller caller) {
        String text = arguments.isEmpty() ? "" : arguments.get(0);
        int count;
        try {
            boolean relative = text.startsWith("+") || text.startsWith("-");
            count = Integer.parseInt(text) + (relative ? workers.wanted() : 0);
        } catch (NumberFormatException e) {
            count = 0;
        }
        int most = Scaling.most(config);
        if (count < 1) {
            caller.answer(new Message.Reply(Supervisor.USAGE, "scale " + text + ": use a number from 1"));
        } else if (count > most) {
            caller.answer(new Message.Reply(
                    Supervisor.USAGE,
                    "scale " + count + ": the cluster may use " + most
                            + (most == 1 ? " processor" : " processors")
                            + "; start it with --oversubscribe to run more workers"));
        } else {
            operation = new Scaling(host.timeOfDay(), caller, observer, workers, count);
        }
    }

    private void restart(List<String> arguments, Event.Caller caller) {
        WorkerSlot slot = slotNamed("restart", arguments, caller);
        if (slot != null) {
            operation = replacement("restart", caller, workers.generation(), List.of(slot));
        }
    }

    private void deploy(String name, List<String> arguments, Event.Caller caller) {
        if (config.installed() != null && !arguments.isEmpty()) {
            caller.answer(new Message.Reply(
                    Supervisor.USAGE,
                    name + " " + String.join(" ", arguments) + ": this cluster runs an installed Tomcat; put the"
                            + " application into " + config.installed().base().resolve("webapps")));
            return;
        }
        List<App> before = workers.generation().apps();
        boolean named = name.equals("deploy") && config.installed() == null;
        operation = new Preparation(name, host.timeOfDay(), caller, observer);
        host.prepare(++lastGeneration, named ? () -> AppReader.check(arguments) : () -> before);
    }

    void prepared(Event.Prepared prepared) {
        Generation generation = prepared.generation();
        if (!(operation instanceof Preparation preparation)) {
            // The cluster stops; its files go with it.
            return;
        }
        operation = null;
        if (generation == null) {
            preparation.answer(Supervisor.USAGE, prepared.problem());
            return;
        }
        generations.add(generation);
        // One that is only waiting for its last worker, of another supervisor, to leave gets no new one.
        List<WorkerSlot> slots =
                workers.slots().stream().filter(slot -> !slot.retired).toList();
        operation = replacement(preparation.name, preparation.caller, generation, slots);
    }

    private Replacement replacement(String name, Event.Caller caller, Generation target, List<WorkerSlot> slots) {
        return new Replacement(name, host.timeOfDay(), caller, observer, workers, target, slots, config);
    }

    /**
     * One at a time, before the kernel or the container ends it. A slot has its turn once a minute at most: a limit below
     * what an idle worker needs must not keep the machine busy with starts.
     */
    private void recycle(long now) {
        if (config.memoryLimit() == 0) {
            return;
        }
        for (WorkerSlot slot : workers.slots()) {
            Worker worker = slot.current;
            if (worker != null
                    && worker.state == WorkerState.READY
                    && worker.load.rssBytes() > config.memoryLimit()
                    && now >= slot.recycleFrom) {
                slot.recycleFrom = now + BETWEEN_RECYCLES;
                observer.log("worker " + worker.name() + " uses " + (worker.load.rssBytes() >> 20)
                        + " MiB, more than --memory-limit: it is replaced");
                operation = replacement("recycle", new Nobody(), workers.generation(), List.of(slot));
                return;
            }
        }
    }

    private void threads(List<String> arguments, Event.Caller caller, long now) {
        WorkerSlot slot = slotNamed("threads", arguments, caller);
        if (slot == null) {
            return;
        }
        Worker worker = slot.current;
        if (worker == null) {
            caller.answer(
                    new Message.Reply(Supervisor.USAGE, "threads " + slot.number + ": no worker in this slot now"));
            return;
        }
        Dump dump = dumps.computeIfAbsent(worker, asked -> new Dump(new ArrayList<>(), now + THREADS_TIME));
        dump.callers().add(caller);
        worker.order(new Message.Dump(false));
    }

    /** What a worker told of its threads, for those who wanted to know. */
    void dumped(Worker worker, String text) {
        Dump dump = dumps.remove(worker);
        if (dump != null) {
            dump.callers().forEach(caller -> caller.answer(new Message.Reply(Supervisor.OK, text)));
        }
    }

    private void endDumps(long now) {
        for (Map.Entry<Worker, Dump> dump : List.copyOf(dumps.entrySet())) {
            if (dump.getValue().deadline() <= now) {
                host.dump(dump.getKey().id);
                dumped(
                        dump.getKey(),
                        "worker " + dump.getKey().name() + " does not answer; its thread dump goes to its log");
            }
        }
    }

    private @Nullable WorkerSlot slotNamed(String command, List<String> arguments, Event.Caller caller) {
        String text = arguments.isEmpty() ? "" : arguments.get(0);
        WorkerSlot slot = null;
        try {
            slot = workers.slot(Integer.parseInt(text));
        } catch (NumberFormatException e) {
            // Said below.
        }
        if (slot == null) {
            caller.answer(new Message.Reply(
                    Supervisor.USAGE, command + " " + text + ": no such slot, use 1 to " + workers.wanted()));
        }
        return slot;
    }

    /** The files of applications that nobody runs any more. */
    private void discardGenerations() {
        List<Worker> all = workers.all();
        boolean changing = operation != null;
        generations.removeIf(generation -> {
            boolean used = generation.equals(workers.generation())
                    || (changing && generation.number() == lastGeneration)
                    || all.stream().anyMatch(worker -> worker.generation.equals(generation));
            if (!used) {
                host.discard(generation.number());
            }
            return !used;
        });
    }

    /** Nobody asked: the log says it all. */
    private static final class Nobody implements Event.Caller {
        @Override
        public void progress(String line) {
            // In the log.
        }

        @Override
        public void answer(Message.Reply reply) {
            // In the log.
        }
    }
}
