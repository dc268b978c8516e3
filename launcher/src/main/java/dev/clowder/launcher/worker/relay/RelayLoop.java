package dev.clowder.launcher.worker.relay;

import java.io.IOException;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * Waits for the workers that answer relayed requests: one thread and one selector for all of them. Whatever becomes
 * possible runs on a pool, once for each time it was asked for. Thread-safe.
 */
public final class RelayLoop {
    private static final Log LOG = LogFactory.getLog(RelayLoop.class);

    /** Until a pool that is full is asked again. */
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(20);

    private final Queue<Watch> changed = new ConcurrentLinkedQueue<>();
    private volatile @Nullable Selector selector;
    /** Whether the pool took no more; the loop's thread only. */
    private boolean full;

    /** What is waited for on one channel. */
    public final class Watch {
        private final SocketChannel channel;
        private final Executor pool;
        private final Runnable readable;
        private final Runnable writable;
        /** Guarded by this. */
        private int wanted;
        /** The loop's thread only. */
        private @Nullable SelectionKey key;

        private Watch(SocketChannel channel, Executor pool, Runnable readable, Runnable writable) {
            this.channel = channel;
            this.pool = pool;
            this.readable = readable;
            this.writable = writable;
        }

        /** Waits for one more thing, once: {@link SelectionKey#OP_READ} or {@link SelectionKey#OP_WRITE}. */
        public void want(int operation) {
            synchronized (this) {
                wanted |= operation;
            }
            changed.add(this);
            wake();
        }

        /** Closes the channel, so that the other side sees it at once. */
        public void close() {
            try {
                channel.close();
            } catch (IOException e) {
                LOG.debug("can't close a connection to another worker", e);
            }
            // Java closes what a selector knows when that selects the next time.
            wake();
        }

        private synchronized int wanted() {
            return wanted;
        }

        private synchronized void done(int operations) {
            wanted &= ~operations;
        }

        private void update(Selector mine) {
            try {
                SelectionKey known = key;
                if (known == null) {
                    key = channel.register(mine, wanted(), this);
                } else {
                    known.interestOps(wanted());
                }
            } catch (ClosedChannelException | CancelledKeyException e) {
                LOG.debug("closed meanwhile", e);
            }
        }

        private void run(SelectionKey ready) {
            int operations = ready.readyOps();
            done(operations);
            ready.interestOps(wanted());
            try {
                if ((operations & SelectionKey.OP_READ) != 0) {
                    pool.execute(readable);
                    operations &= ~SelectionKey.OP_READ;
                }
                if ((operations & SelectionKey.OP_WRITE) != 0) {
                    pool.execute(writable);
                }
            } catch (RejectedExecutionException e) {
                // Its client would wait for ever if nobody came back to it.
                LOG.debug("no thread has time for a relayed request", e);
                want(operations);
                full = true;
            }
        }
    }

    /**
     * Prepares to wait on a channel; nothing happens before {@link Watch#want}.
     *
     * @param channel which does not block
     */
    public Watch watch(SocketChannel channel, Executor pool, Runnable readable, Runnable writable) throws IOException {
        start();
        return new Watch(channel, pool, readable, writable);
    }

    private void start() throws IOException {
        if (selector == null) {
            synchronized (this) {
                if (selector == null) {
                    Selector opened = Selector.open();
                    selector = opened;
                    Thread thread = new Thread(() -> run(opened), "relayed requests");
                    thread.setDaemon(true);
                    thread.start();
                }
            }
        }
    }

    private void wake() {
        Selector opened = selector;
        if (opened != null) {
            opened.wakeup();
        }
    }

    private void run(Selector mine) {
        while (mine.isOpen()) {
            try {
                mine.select(RelayLoop::serve);
                if (full) {
                    full = false;
                    LockSupport.parkNanos(PAUSE);
                }
                for (Watch watch = changed.poll(); watch != null; watch = changed.poll()) {
                    watch.update(mine);
                }
            } catch (IOException | RuntimeException e) {
                LOG.error("can't wait for other workers", e);
            }
        }
    }

    private static void serve(SelectionKey key) {
        try {
            if (key.attachment() instanceof Watch watch) {
                watch.run(key);
            }
        } catch (CancelledKeyException e) {
            LOG.debug("closed meanwhile", e);
        }
    }
}
