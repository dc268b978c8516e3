package dev.clowder.launcher.worker.sessions;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Deque;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The way of {@link ReplicaFrame} between the workers of one machine: Unix sockets in the cluster's private directory, where
 * each side has to know the key. Legal order: {@link #start} before {@link #send}. Any thread.
 */
final class ReplicaChannel {
    /** A worker that does not take a frame in within this time holds no copies: a long garbage collection is shorter. */
    private static final long SEND_NANOS = TimeUnit.SECONDS.toNanos(5);

    private static final int SENDERS = 50;
    /** For one of them; longer than it takes to find out that another worker does not answer. */
    private static final long SENDER_SECONDS = 15;

    private static final long SENDER_NANOS = TimeUnit.SECONDS.toNanos(SENDER_SECONDS);
    /** More than that are for a rush only. */
    private static final int KEPT = 8;

    private final Path directory;
    private final int id;
    private final Consumer<ReplicaFrame> frames;
    private final long sendNanos;
    private final Semaphore free = new Semaphore(SENDERS);
    /** The one that was used last comes first, so that some rest. */
    private final Deque<ReplicaSender> idle = new ConcurrentLinkedDeque<>();

    private final AtomicInteger kept = new AtomicInteger();
    private volatile @Nullable ReplicaHandshake handshake;
    private volatile @Nullable ReplicaIntake intake;

    /**
     * @param directory of the cluster
     * @param id of this worker
     * @param frames called for each, by many threads; the sender waits until it returns
     */
    ReplicaChannel(Path directory, int id, Consumer<ReplicaFrame> frames) {
        this(directory, id, frames, SEND_NANOS);
    }

    /** @param sendNanos how long others may take to take a frame in */
    ReplicaChannel(Path directory, int id, Consumer<ReplicaFrame> frames, long sendNanos) {
        this.directory = directory;
        this.id = id;
        this.frames = frames;
        this.sendNanos = sendNanos;
    }

    /**
     * Begins to take frames.
     *
     * @param key in hexadecimal digits
     */
    void start(String key) throws IOException {
        ReplicaHandshake ours = new ReplicaHandshake(key);
        handshake = ours;
        ReplicaIntake begun = new ReplicaIntake(id, socket(id), ours, frames);
        intake = begun;
        begun.start();
    }

    private Path socket(int worker) {
        return directory.resolve("worker-" + worker + "-r.sock");
    }

    /**
     * Sends one frame to each of these workers; returns when all have taken it in.
     *
     * @return those that have not, perhaps
     * @throws IOException when it could not be sent at all
     */
    Set<Integer> send(ReplicaFrame frame, Collection<Integer> workers) throws IOException {
        if (!mayUseSender()) {
            throw new IOException("no sender was free for " + SENDER_SECONDS + " s");
        }
        try {
            return answer(frame, workers);
        } finally {
            free.release();
        }
    }

    /** As {@link #send}, for what others wait for: it does not wait until one of those senders is free that wait for them. */
    Set<Integer> answer(ReplicaFrame frame, Collection<Integer> workers) throws IOException {
        ReplicaSender sender = sender();
        boolean sent = false;
        try {
            Set<Integer> faulty = sender.send(frame.bytes(), workers, sendNanos);
            sent = true;
            return faulty;
        } finally {
            if (sent) {
                release(sender);
            } else {
                sender.close();
            }
        }
    }

    /** The thread of a request that was interrupted still tells others what that has changed. */
    private boolean mayUseSender() {
        long end = System.nanoTime() + SENDER_NANOS;
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return free.tryAcquire(end - System.nanoTime(), TimeUnit.NANOSECONDS);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private ReplicaSender sender() throws IOException {
        ReplicaSender sender = idle.pollFirst();
        if (sender != null) {
            kept.decrementAndGet();
            return sender;
        }
        ReplicaHandshake ours = handshake;
        if (ours == null) {
            throw new IllegalStateException("not started");
        }
        return new ReplicaSender(this::socket, ours);
    }

    private void release(ReplicaSender sender) {
        if (kept.incrementAndGet() > KEPT || intake == null) {
            kept.decrementAndGet();
            sender.close();
        } else {
            idle.addFirst(sender);
        }
    }

    void stop() {
        ReplicaIntake begun = intake;
        intake = null;
        if (begun != null) {
            begun.close();
        }
        for (ReplicaSender sender = idle.pollFirst(); sender != null; sender = idle.pollFirst()) {
            sender.close();
        }
    }
}
