package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Signals;
import dev.clowder.launcher.worker.sessions.Replicas;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * A worker process: says hello, starts its Tomcat, proves that it answers, takes clients, and leaves when it is told to.
 * Legal order on the control connection: Hello, Start, then Ready or Failed, Load every second, and at the end Stop and
 * Drained. A spare says Ready while it takes no clients yet; then comes TakeSlot, and Ready again.
 *
 * <p>When the supervisor is gone, a worker that accepts clients itself goes on serving and looks for a new one: Hello,
 * Adopted, then as before. If none comes within the orphan time-out, or the worker depends on the supervisor, it
 * finishes what it has and leaves within 5 s; if it was not ready yet it leaves at once.
 */
public final class WorkerMain {
    /** The supervisor does not start such a worker again before any was ready: the same would happen. */
    static final int EXIT_FAILED = 78;

    /** Nearly all time went into collecting garbage; started again it will do better. */
    static final int EXIT_HEAP_EXHAUSTED = 79;

    private static final long BEAT_SECONDS = 1;
    /** When somebody else than the supervisor asks it to stop. */
    private static final long DRAIN_MILLIS = 30_000;

    private static final long IDLE_MILLIS = 5_000;
    /** Without a supervisor, and without hope for one, everything must be over within 5 s. */
    private static final long ORPHAN_DRAIN_MILLIS = 3_000;

    private static final long ORPHAN_IDLE_MILLIS = 1_000;
    private static final long ORPHAN_LIFE_MILLIS = 4_500;

    private final Lifeline lifeline;
    private final Place place;
    private final CountDownLatch over = new CountDownLatch(1);
    private final AtomicBoolean stopping = new AtomicBoolean();
    /** Held while a spare takes its slot, and while it is decided that this worker leaves: one of them comes first. */
    private final Object leaving = new Object();

    private final Replicas replicas;
    private final SharedTickets tickets = new SharedTickets();
    private volatile @Nullable WorkerTomcat tomcat;
    private volatile boolean ready;
    /** Those that all workers share, once this one takes clients from them. */
    private volatile List<ServerSocketChannel> listeners = List.of();

    private volatile long orphanMillis;

    private WorkerMain(Lifeline lifeline, Place place, Path control) {
        this.lifeline = lifeline;
        this.place = place;
        replicas = new Replicas(place.id(), lifeline::send, control.resolveSibling(""), "sessions.lock");
    }

    /** Arguments: path of the control socket, id of this worker. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path control = Path.of(arguments[0]);
        Place place = new Place(Integer.parseInt(arguments[1]));
        WorkerMain worker = new WorkerMain(new Lifeline(control, place), place, control);
        worker.handleSignals();
        Message.Start start = worker.lifeline.begin();
        if (start != null) {
            worker.run(start);
        }
    }

    /** Ctrl-C and a closing terminal reach the whole process group; only the supervisor acts on them. */
    private void handleSignals() {
        Signals.ignore(List.of("INT", "HUP"));
        Signals.on(
                List.of("TERM"),
                () -> thread("stop", () -> {
                    lifeline.send(new Message.Leaving(DRAIN_MILLIS));
                    stop(DRAIN_MILLIS, IDLE_MILLIS);
                }));
    }

    private void run(Message.Start start) throws InterruptedException {
        thread("control", () -> followSupervisors(start));
        try {
            WorkerTomcat started = WorkerTomcat.start(start, place, replicas, tickets);
            tomcat = started;
            // Those that came while it started, when only what was made later has them.
            started.renewTickets();
            SelfProbe.check(Path.of(start.listeners().get(0).intake()));
            if (start.slot() != 0) {
                serve(started, start, start.slot());
            }
        } catch (StartFailedException e) {
            fail(String.valueOf(e.getMessage()));
        } catch (Throwable e) {
            // Whatever it was: Tomcat's threads would keep the process alive without an exit.
            LogFactory.getLog(WorkerMain.class).error("this worker can't start", e);
            fail(e.toString());
        }
        ready = true;
        lifeline.send(new Message.Ready());
        beat();
        lifeline.leave();
        Runtime.getRuntime().exit(0);
    }

    private void serve(WorkerTomcat started, Message.Start start, int slot)
            throws StartFailedException, IOException, InterruptedException {
        started.takeSlot(slot);
        listeners = started.accept(start.handover(), place.id());
    }

    /** A spare becomes the worker of a slot. Nothing else is obeyed meanwhile. */
    private void takeSlot(Message.TakeSlot order, Message.Start start) {
        WorkerTomcat running = tomcat;
        if (running == null || stopping.get()) {
            return;
        }
        synchronized (leaving) {
            if (stopping.get()) {
                // It has drained; its ports stay closed.
                return;
            }
            place.take(order.slot(), order.workers());
            try {
                serve(running, start, order.slot());
            } catch (Throwable e) {
                // Whatever it was: a slot without a port must get another worker.
                LogFactory.getLog(WorkerMain.class).error("this worker can't take slot " + order.slot(), e);
                fail("can't take slot " + order.slot() + ": " + e.getMessage());
            }
        }
        lifeline.send(new Message.Ready());
        if (!order.log().isEmpty()) {
            try {
                Descriptors.redirectOutput(Path.of(order.log()));
            } catch (IOException e) {
                LogFactory.getLog(WorkerMain.class).warn("the output of slot " + place.slot() + " stays here", e);
            }
        }
        LogFactory.getLog(WorkerMain.class).info("worker " + place + " was the spare, its output before is in slot 0");
    }

    private void fail(String reason) {
        lifeline.send(new Message.Failed(reason));
        Runtime.getRuntime().exit(EXIT_FAILED);
    }

    /** Only this ends it: everything else, an orderly stop too, would need memory. */
    private void giveUp(String reason) {
        lifeline.send(new Message.Failed(reason));
        dump(true);
        Runtime.getRuntime().halt(EXIT_HEAP_EXHAUSTED);
    }

    /** Tells the supervisor every second how it goes, until everything is over. */
    private void beat() throws InterruptedException {
        HeapWatch heap = HeapWatch.ofThisProcess();
        do {
            String problem = heap.look(System.nanoTime());
            if (problem != null) {
                giveUp(problem);
            }
            WorkerTomcat running = tomcat;
            if (running != null && !stopping.get()) {
                lifeline.send(running.load());
                running.followCertificates();
            }
        } while (!over.await(BEAT_SECONDS, TimeUnit.SECONDS));
    }

    private void followSupervisors(Message.Start start) {
        orphanMillis = start.orphanMillis();
        do {
            lifeline.listen(order -> obey(order, start));
        } while (!lifeline.isLeft() && !listeners.isEmpty() && ready && orphanMillis > 0 && isAdopted(start));
        if (!lifeline.isLeft()) {
            leaveSoon();
        }
    }

    private void obey(Message order, Message.Start start) {
        if (order instanceof Message.Stop stop) {
            thread("stop", () -> stop(stop.drainMillis(), stop.idleMillis()));
        } else if (order instanceof Message.TakeSlot take) {
            takeSlot(take, start);
        } else if (order instanceof Message.Dump dump) {
            thread("dump", () -> dump(dump.toLog()));
        } else if (order instanceof Message.Adopted adopted) {
            orphanMillis = adopted.orphanMillis();
            replicas.obey(order);
        } else if (order instanceof Message.TicketKeys keys) {
            takeTickets(keys);
        } else {
            replicas.obey(order);
        }
    }

    /** A Tomcat that is only starting takes them as it makes the TLS of its ports. */
    private void takeTickets(Message.TicketKeys keys) {
        tickets.take(keys);
        WorkerTomcat running = tomcat;
        if (running != null) {
            running.renewTickets();
        }
    }

    /** Serves alone until a new supervisor is there; false if that takes too long. */
    private boolean isAdopted(Message.Start start) {
        Log log = LogFactory.getLog(WorkerMain.class);
        log.warn("the supervisor is gone, serving without one for " + orphanMillis + " ms at most");
        Path orphans = Path.of(start.listeners().get(0).socket()).resolveSibling("orphans.sock");
        try {
            Message answer = lifeline.restore(orphanMillis, () -> !stopping.get(), () -> offerListeners(orphans));
            if (answer == null) {
                return false;
            }
            obey(answer, start);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
        log.info("adopted by a new supervisor");
        return true;
    }

    /** A new supervisor that has not got the shared sockets yet waits for them here. */
    private void offerListeners(Path orphans) {
        try {
            for (ServerSocketChannel shared : listeners) {
                if (shared.isOpen() && Files.exists(orphans)) {
                    SharedListener.offer(shared, orphans);
                }
            }
        } catch (IOException e) {
            LogFactory.getLog(WorkerMain.class).warn("can't hand the listening socket back", e);
        }
    }

    /** Whatever the application does, it can't hold this process. */
    private void leaveSoon() {
        thread("orphan", () -> {
            try {
                TimeUnit.MILLISECONDS.sleep(ORPHAN_LIFE_MILLIS);
            } catch (InterruptedException e) {
                // Then now.
            }
            Runtime.getRuntime().halt(0);
        });
        stop(ORPHAN_DRAIN_MILLIS, ORPHAN_IDLE_MILLIS);
    }

    private void stop(long drainMillis, long idleMillis) {
        WorkerTomcat running = tomcat;
        if (running == null) {
            Runtime.getRuntime().exit(0);
            return;
        }
        running.hurry(drainMillis, idleMillis);
        synchronized (leaving) {
            if (!stopping.compareAndSet(false, true)) {
                return;
            }
        }
        running.drain();
        // What was answered meanwhile counts too.
        lifeline.send(running.load());
        lifeline.send(new Message.Drained());
        running.stop();
        replicas.close();
        over.countDown();
    }

    private void dump(boolean toLog) {
        WorkerTomcat running = tomcat;
        String text = running == null ? Evidence.ofThreads() : running.evidence(!toLog);
        if (toLog) {
            LogFactory.getLog(WorkerMain.class).warn("what this worker is doing\n" + text);
        } else {
            lifeline.send(new Message.Dumped(text));
        }
    }

    private static void thread(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }
}
