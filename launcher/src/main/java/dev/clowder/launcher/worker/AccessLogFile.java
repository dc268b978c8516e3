package dev.clowder.launcher.worker;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * This worker's end of the file to which all workers append the lines of their requests. Threads of requests leave a
 * line here and never wait, neither for each other nor for the disk; one thread writes at once what has come. Each write
 * is whole lines, for which {@code O_APPEND} finds the end of the file, so that no worker writes into a line of another:
 * see write(2) of Linux, and for a network file system its own promises. {@link #add} is thread-safe.
 *
 * <p>Whoever renames or removes the file gets a new one within {@value #LOOK_MILLIS} ms of the next line. A full disk
 * costs lines and nothing else: how many is said.
 */
final class AccessLogFile implements AutoCloseable {
    /** In bytes, while the disk stands still; what comes then is lost. */
    static final int MAX_WAITING = 8 << 20;

    private static final Log LOG = LogFactory.getLog(AccessLogFile.class);

    private static final int BATCH = 64 * 1024;
    private static final long LOOK_MILLIS = 100;
    private static final long PATIENCE_MILLIS = 3000;
    /** To open a file that nobody renames at the same moment. */
    private static final int ATTEMPTS = 5;

    private final Path path;
    private final Queue<byte[]> lines = new ConcurrentLinkedQueue<>();
    private final AtomicLong waiting = new AtomicLong();
    private final AtomicLong lost = new AtomicLong();
    private final Thread writer = new Thread(this::run, "access log");
    private volatile boolean idle;
    private volatile boolean closed;

    // The writer's own.
    private final ByteBuffer batch = ByteBuffer.allocateDirect(BATCH);
    private @Nullable FileChannel file;
    private @Nullable Object key;
    private long lookedAt;
    private boolean inLine;
    private boolean troubled;

    /** Touches nothing before the first line. */
    AccessLogFile(Path path) {
        this.path = path;
        writer.setDaemon(true);
        writer.start();
    }

    /** Leaves a line, without its end, to be written. */
    void add(String line) {
        byte[] bytes = line.concat("\n").getBytes(UTF_8);
        if (waiting.addAndGet(bytes.length) > MAX_WAITING) {
            waiting.addAndGet(-bytes.length);
            lost.incrementAndGet();
            return;
        }
        lines.add(bytes);
        if (idle) {
            LockSupport.unpark(writer);
        }
    }

    /** Writes what has been added, but does not wait for a disk that stands still. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(writer);
        try {
            writer.join(PATIENCE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        boolean last = false;
        while (!last) {
            // Asked first: what was added before it is then seen below.
            last = closed;
            while (!lines.isEmpty()) {
                writeBatch();
            }
            idle = true;
            if (lines.isEmpty() && !closed) {
                LockSupport.park(this);
            }
            idle = false;
        }
        closeFile();
        tellLosses("");
    }

    private void writeBatch() {
        batch.clear();
        ByteBuffer bytes = batch;
        int count = 0;
        for (byte[] line = lines.peek(); line != null && line.length <= batch.remaining(); line = lines.peek()) {
            batch.put(line);
            lines.remove();
            count++;
        }
        if (count == 0) {
            // Longer than any batch.
            bytes = ByteBuffer.wrap(lines.remove());
            count = 1;
        } else {
            batch.flip();
        }
        int size = bytes.remaining();
        try {
            write(bytes);
            tellLosses(" is written again,");
            troubled = false;
        } catch (IOException e) {
            lost.addAndGet(count);
            complain(e);
        } finally {
            waiting.addAndGet(-size);
        }
    }

    private void write(ByteBuffer bytes) throws IOException {
        FileChannel open = current(System.nanoTime());
        if (inLine) {
            // The disk was full in the middle of a line of ours.
            open.write(ByteBuffer.wrap(new byte[] {'\n'}));
            inLine = false;
        }
        int size = bytes.remaining();
        try {
            while (bytes.hasRemaining()) {
                open.write(bytes);
            }
        } finally {
            inLine = bytes.hasRemaining() && bytes.remaining() < size;
        }
    }

    /** The file of that name. If there can be none, the one that had it. */
    private FileChannel current(long now) throws IOException {
        FileChannel open = file;
        if (open != null && now - lookedAt < TimeUnit.MILLISECONDS.toNanos(LOOK_MILLIS)) {
            return open;
        }
        lookedAt = now;
        if (open != null && isCurrent()) {
            return open;
        }
        try {
            FileChannel next = open();
            closeFile();
            file = next;
            return next;
        } catch (IOException e) {
            if (open == null) {
                throw e;
            }
            complain(e);
            return open;
        }
    }

    private boolean isCurrent() {
        try {
            return key != null && key.equals(keyOfName());
        } catch (IOException e) {
            // Opening it will tell why.
            return false;
        }
    }

    /** Between opening a file and asking which it is, somebody may rename it; then once more. */
    private FileChannel open() throws IOException {
        for (int attempt = 1; ; attempt++) {
            Object before = keyOfName();
            FileChannel opened = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            key = keyOfName();
            if ((before != null && before.equals(key)) || attempt == ATTEMPTS) {
                return opened;
            }
            opened.close();
        }
    }

    /** Null if nothing has this name. */
    private @Nullable Object keyOfName() throws IOException {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    private void closeFile() {
        FileChannel open = file;
        file = null;
        if (open != null) {
            try {
                open.close();
            } catch (IOException e) {
                complain(e);
            }
        }
    }

    private void complain(IOException e) {
        if (!troubled) {
            troubled = true;
            LOG.warn("access log " + path + ": lines are lost, serving goes on (" + e + ")");
        }
    }

    private void tellLosses(String what) {
        long count = lost.getAndSet(0);
        if (count > 0) {
            LOG.warn("access log " + path + what + " " + count + " lines were lost");
        }
    }
}
