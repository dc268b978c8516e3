package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.wire.Signals;
import dev.clowder.launcher.wire.Wire;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * A worker process: says hello, starts its Tomcat, proves that it answers, takes clients, and leaves when it is told to
 * or when the supervisor is gone. Legal order on the control connection: Hello, Start, then Ready or Failed, Load every
 * second, and at the end Stop and Drained.
 */
public final class WorkerMain {
    /** The supervisor does not start such a worker again before any was ready: the same would happen. */
    static final int EXIT_FAILED = 78;

    private static final long BEAT_SECONDS = 1;
    /** When somebody else than the supervisor asks it to stop. */
    private static final long DRAIN_MILLIS = 30_000;
    /** Without a supervisor everything must be over within 5 s. */
    private static final long ORPHAN_DRAIN_MILLIS = 3_000;

    private static final long ORPHAN_LIFE_MILLIS = 4_500;

    private final Wire wire;
    private final CountDownLatch over = new CountDownLatch(1);
    private final AtomicBoolean stopping = new AtomicBoolean();
    private volatile @Nullable EmbeddedTomcat tomcat;

    private WorkerMain(Wire wire) {
        this.wire = wire;
    }

    /** Arguments: path of the control socket, id of this worker. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path control = Path.of(arguments[0]);
        int id = Integer.parseInt(arguments[1]);
        WorkerMain worker = new WorkerMain(Wire.connect(control));
        worker.handleSignals();
        worker.wire.send(new Message.Hello(
                Integer.getInteger("clowder.worker.slot", 0),
                id,
                ProcessHandle.current().pid(),
                0,
                false));
        if (worker.wire.receive() instanceof Message.Start start) {
            worker.run(start);
        }
    }

    /** Ctrl-C and a closing terminal reach the whole process group; only the supervisor acts on them. */
    private void handleSignals() {
        Signals.ignore(List.of("INT", "HUP"));
        Signals.on(List.of("TERM"), () -> stop(DRAIN_MILLIS));
    }

    private void run(Message.Start start) throws InterruptedException {
        thread("control", this::obey);
        try {
            EmbeddedTomcat started = EmbeddedTomcat.start(start);
            tomcat = started;
            SelfProbe.check(Path.of(start.intake()));
            if (!start.listeners().isEmpty()) {
                started.accept(SharedListener.receive(Path.of(start.listeners())));
            }
        } catch (StartFailedException e) {
            fail(String.valueOf(e.getMessage()));
        } catch (Throwable e) {
            // Whatever it was: Tomcat's threads would keep the process alive without an exit.
            LogFactory.getLog(WorkerMain.class).error("this worker can't start", e);
            fail(e.toString());
        }
        tell(new Message.Ready());
        beat();
        Runtime.getRuntime().exit(0);
    }

    private void fail(String reason) {
        tell(new Message.Failed(reason));
        Runtime.getRuntime().exit(EXIT_FAILED);
    }

    /** Tells the supervisor every second how it goes, until everything is over. */
    private void beat() throws InterruptedException {
        do {
            EmbeddedTomcat running = tomcat;
            if (running != null && !stopping.get()) {
                tell(running.load());
            }
        } while (!over.await(BEAT_SECONDS, TimeUnit.SECONDS));
    }

    private void obey() {
        try {
            for (Message order = wire.receive(); order != null; order = wire.receive()) {
                if (order instanceof Message.Stop stop) {
                    thread("stop", () -> stop(stop.drainMillis()));
                }
            }
        } catch (IOException e) {
            // As good as closed.
        }
        thread("orphan", () -> {
            try {
                TimeUnit.MILLISECONDS.sleep(ORPHAN_LIFE_MILLIS);
            } catch (InterruptedException e) {
                // Then now.
            }
            Runtime.getRuntime().halt(0);
        });
        stop(ORPHAN_DRAIN_MILLIS);
    }

    private void stop(long drainMillis) {
        EmbeddedTomcat running = tomcat;
        if (running == null) {
            Runtime.getRuntime().exit(0);
            return;
        }
        if (!stopping.compareAndSet(false, true)) {
            return;
        }
        running.drain(drainMillis);
        tell(new Message.Drained());
        running.stop();
        over.countDown();
    }

    private void tell(Message message) {
        try {
            wire.send(message);
        } catch (IOException e) {
            // The supervisor is gone; the thread that listens to it acts on that.
        }
    }

    private static void thread(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }
}
