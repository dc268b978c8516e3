package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.config.Listener;
import dev.clowder.launcher.wire.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Keeps one worker alive in each slot, and changes what runs when it is told to. One thread owns everything here and
 * sleeps until an {@link Event} arrives or a deadline passes: each {@link #step} takes the facts in, compares what is with
 * what is wanted, acts, and says when it wants to run again. Only {@link #post} may be called by other threads.
 */
final class Supervisor {
    static final int OK = 0;
    static final int USAGE = 2;
    static final int COULD_NOT_START = 3;
    static final int NO_CLUSTER = 5;
    static final int BUSY = 6;

    /** It looks around at least this often, so that it notices when it was itself away. */
    static final long TICK = TimeUnit.SECONDS.toNanos(1);
    /** Later than this is no slow step: the process was stopped or the machine slept. */
    static final long AWAY = TimeUnit.SECONDS.toNanos(3);

    private final Listeners listeners;
    private final Host host;
    private final Totals observer;
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final List<Event.Caller> waitingForStop = new ArrayList<>();
    private final Workers workers;
    private final Replicas replicas;
    private final TicketKeys tickets;
    private final Reports reports;
    private final Commands commands;
    private final long startedAt;

    private long lastStep;
    private boolean stopping;
    private volatile boolean ended;
    private int result = OK;

    Supervisor(
            LauncherConfig config,
            int count,
            RunDirectory directory,
            Generation first,
            Listeners listeners,
            Host host,
            Observer observer) {
        this.listeners = listeners;
        this.host = host;
        this.observer = new Totals(observer);
        startedAt = host.now();
        lastStep = startedAt;
        observer.log("listening on " + listeners + ", accept " + listeners.mode() + ", " + count
                + " workers, run directory " + directory.root());
        workers = new Workers(config, count, directory, first, listeners, host, this.observer);
        replicas = new Replicas(workers);
        tickets = new TicketKeys(config.listeners().stream().anyMatch(Listener::tls), startedAt);
        reports = new Reports(config, directory, workers, replicas, tickets, host, this.observer);
        commands = new Commands(config, workers, host, this.observer);
    }

    /**
     * Expects workers of another supervisor to come back to their slots; before {@link #run}. Their end is reported by the
     * host as of any other.
     *
     * @param highestId the highest id ever used
     */
    void adopt(List<Survivor> survivors, int highestId) {
        for (Survivor survivor : survivors) {
            commands.know(workers.adopt(survivor, startedAt));
        }
        workers.idsAbove(highestId);
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
            observer.state(state(), workers.ready(), workers.wanted());
            if (finished()) {
                return result;
            }
            wake = Math.min(wake, observer.awake(now));
            Event event = events.poll(Math.min(wake - now, TICK), TimeUnit.NANOSECONDS);
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
            } else if (event instanceof Event.Looked looked) {
                looked.sight().cancel(false);
            }
        }
    }

    /** Whether it was stopped and no worker is left. */
    boolean finished() {
        return stopping && workers.all().isEmpty();
    }

    /**
     * Takes in what was posted, then does what is due.
     *
     * @return when it must run again unless something is posted before
     */
    long step(long now) {
        long gap = now - lastStep - TICK;
        lastStep = now;
        if (gap > AWAY) {
            observer.log("the supervisor was away for " + Text.seconds(gap) + "; nobody is blamed for that time");
            workers.forgive(gap);
        }
        for (Event event = events.poll(); event != null; event = events.poll()) {
            handle(event, now);
        }
        workers.step(now);
        replicas.step();
        tickets.step(now, workers.all());
        if (workers.hopeless() != null && !stopping) {
            fail(workers.hopeless());
        }
        if (!stopping) {
            commands.step(now);
        }
        return Math.min(Math.min(workers.next(now), tickets.next()), commands.next());
    }

    // What happened

    private void handle(Event event, long now) {
        event.taken();
        if (event instanceof Event.Said said) {
            Worker worker = workers.find(said.id());
            if (worker != null && said.message() instanceof Message.Dumped dumped) {
                commands.dumped(worker, dumped.text());
            } else if (worker != null) {
                reports.said(worker, said, now);
            } else if (said.message() instanceof Message.Hello) {
                reports.dismiss(said.from());
            }
        } else if (event instanceof Event.Probed probed) {
            reports.probed(probed, now);
        } else if (event instanceof Event.Disconnected gone) {
            reports.disconnected(gone.id(), gone.from());
        } else if (event instanceof Event.Exited exited) {
            Worker worker = workers.find(exited.id());
            if (worker != null) {
                reports.exited(worker, exited, now);
                commands.exited(worker);
            }
        } else if (event instanceof Event.Prepared prepared) {
            commands.prepared(prepared);
        } else if (event instanceof Event.Asked asked) {
            answer(asked, now);
        } else if (event instanceof Event.Looked looked) {
            looked.sight().complete(status(now));
        } else if (event instanceof Event.StopAsked stop) {
            stop(stop.now(), now);
        }
    }

    // What is asked

    private void answer(Event.Asked asked, long now) {
        Event.Caller caller = asked.caller();
        String name = asked.command().name();
        switch (name) {
            case "status" -> caller.answer(new Message.Reply(OK, status(now).json()));
            case "stop", "stop-now" -> {
                waitingForStop.add(caller);
                stop(name.equals("stop-now"), now);
            }
            default -> commands.answer(asked, stopping, now);
        }
    }

    // The end

    private void stop(boolean immediately, long now) {
        if (!stopping) {
            observer.log(
                    immediately ? "stopping now" : "stopping: no new connections, requests in flight are finished");
            letGo();
        }
        workers.stop(immediately, now);
    }

    /** Nothing was ever ready and nothing will be. */
    private void fail(@Nullable String cause) {
        observer.log("can't start: no worker became ready: " + cause);
        result = COULD_NOT_START;
        letGo();
        workers.killAll();
    }

    private void letGo() {
        stopping = true;
        listeners.stop();
        commands.interrupt();
    }

    Observer.State state() {
        if (stopping) {
            return Observer.State.STOPPING;
        }
        if (!workers.everReady()) {
            return Observer.State.STARTING;
        }
        return commands.isReloading() ? Observer.State.RELOADING : Observer.State.RUNNING;
    }

    Status status(long now) {
        String state = stopping ? "STOPPING" : workers.everReady() ? "RUNNING" : "STARTING";
        return Status.of(
                state,
                now - startedAt,
                listeners,
                workers,
                host.classArchive(),
                commands.operation(),
                observer.status(),
                now);
    }
}
