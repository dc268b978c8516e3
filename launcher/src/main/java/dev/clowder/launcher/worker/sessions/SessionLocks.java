package dev.clowder.launcher.worker.sessions;

import java.io.Closeable;
import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * One lock for each session among the processes of this machine: the lock of one byte of a file. The kernel gives back
 * what a killed process held. The byte itself says whether a change was under way then. Two sessions may share a byte:
 * they wait for each other, and a change that was under way may be that of either.
 *
 * <p>Any thread. A request that waits looks again after 0.1 ms and then ever more rarely, up to 2 ms: the kernel can wait
 * for a lock of another process, but not for a limited time.
 */
final class SessionLocks implements Closeable {
    private static final int PLACES = 1 << 20;
    private static final long FIRST_WAIT = TimeUnit.MICROSECONDS.toNanos(100);
    private static final long LONGEST_WAIT = TimeUnit.MILLISECONDS.toNanos(2);
    private static final byte WHOLE = 0;
    private static final byte TORN = 1;

    private final FileChannel file;
    /** Not read and written as a file: an interrupt of a request's thread would close that, and all locks with it. */
    private final MappedByteBuffer marks;
    /** Within one process the kernel's lock excludes nobody. */
    private final Set<Integer> here = ConcurrentHashMap.newKeySet();

    /** @param path made if it is not there; in a directory that is private */
    SessionLocks(Path path) throws IOException {
        file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        marks = file.map(FileChannel.MapMode.READ_WRITE, 0, PLACES);
    }

    /**
     * Waits for the lock.
     *
     * @throws SessionsUnavailableException when somebody else had it for all of that time
     */
    Held hold(String key, long millis) {
        long begin = System.nanoTime();
        long wait = FIRST_WAIT;
        for (Held held = tryHold(key); ; held = tryHold(key)) {
            if (held != null) {
                return held;
            }
            if (System.nanoTime() - begin > TimeUnit.MILLISECONDS.toNanos(millis)) {
                throw new SessionsUnavailableException("another request has had the session for " + millis + " ms");
            }
            LockSupport.parkNanos(wait);
            wait = Math.min(2 * wait, LONGEST_WAIT);
        }
    }

    /** Null if somebody has it. */
    @Nullable
    Held tryHold(String key) {
        int place = place(key);
        if (!here.add(place)) {
            return null;
        }
        FileLock lock = null;
        try {
            lock = file.tryLock(place, 1, false);
            return lock == null ? null : new Held(place, lock);
        } catch (IOException e) {
            throw new SessionsUnavailableException("the file of the locks of sessions: " + e.getMessage(), e);
        } finally {
            if (lock == null) {
                here.remove(place);
            }
        }
    }

    /** Which byte it is. */
    static int place(String key) {
        // Spreads what the sum of characters leaves close together.
        return (key.hashCode() * 0x9E3779B9) >>> 12;
    }

    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            // The process ends, and its locks with it.
        }
    }

    /** For the thread that has it. */
    final class Held {
        private final int place;
        private final FileLock lock;

        private Held(int place, FileLock lock) {
            this.place = place;
            this.lock = lock;
        }

        /** Whether somebody was killed in the middle of a change. */
        boolean torn() {
            return marks.get(place) != WHOLE;
        }

        /** A change begins. */
        void begin() {
            marks.put(place, TORN);
        }

        /** It is over: everybody has it. */
        void done() {
            marks.put(place, WHOLE);
        }

        void release() {
            try {
                lock.release();
            } catch (IOException e) {
                // The file was closed, and the lock is free by that.
            } finally {
                here.remove(place);
            }
        }
    }
}
