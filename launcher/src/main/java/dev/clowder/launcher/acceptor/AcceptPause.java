package dev.clowder.launcher.acceptor;

import dev.clowder.launcher.wire.Backoff;
import io.netty.util.concurrent.EventExecutor;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * What an acceptor does when it can't go on, because there are no descriptors left: it stops accepting for 50 ms, then
 * longer up to 1.6 s, and tries again. Meanwhile clients wait in the kernel's queue.
 *
 * <p>A few descriptors are held in reserve. They are let go for the time of the pause, for the control socket and for new
 * workers, and accepting begins again only when they could be taken back. Belongs to the loop's thread.
 */
@SuppressWarnings("FutureReturnValueIgnored") // The task can't fail.
final class AcceptPause implements AutoCloseable {
    private static final int RESERVE = 8;
    private static final Path NOTHING = Path.of("/dev/null");

    private final EventExecutor loop;
    private final Consumer<String> log;
    private final Runnable resume;
    private final Backoff backoff = new Backoff();
    private final List<Closeable> reserve = new ArrayList<>();
    private boolean active;
    private long since;

    /** Runs {@code resume} at the end of each pause. */
    AcceptPause(EventExecutor loop, Consumer<String> log, Runnable resume) {
        this.loop = loop;
        this.log = log;
        this.resume = resume;
        fill();
    }

    boolean active() {
        return active;
    }

    /** Begins a pause; within one it has no effect. */
    void begin(Throwable cause) {
        if (active) {
            return;
        }
        active = true;
        if (since == 0) {
            since = System.nanoTime();
            log.accept("can't accept connections for now, they wait: " + cause.getMessage());
        }
        close();
        waitOnce();
    }

    /** A connection went all its way: the next pause is a first one again. */
    void succeeded() {
        if (since == 0 || active) {
            return;
        }
        backoff.reset();
        log.accept(
                "accepts connections again, after " + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - since) + " ms");
        since = 0;
    }

    /** Lets the reserve go. */
    @Override
    public void close() {
        for (Closeable held : reserve) {
            try {
                held.close();
            } catch (IOException e) {
                // It was opened for reading only: there is nothing that could be lost.
            }
        }
        reserve.clear();
    }

    private void waitOnce() {
        loop.schedule(this::end, backoff.afterFailure(), TimeUnit.NANOSECONDS);
    }

    private void end() {
        if (fill()) {
            active = false;
            resume.run();
        } else {
            close();
            waitOnce();
        }
    }

    /** False when there are not enough descriptors; a platform without the file does without a reserve. */
    private boolean fill() {
        if (!NOTHING.toFile().exists()) {
            return true;
        }
        try {
            while (reserve.size() < RESERVE) {
                reserve.add(FileChannel.open(NOTHING));
            }
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
