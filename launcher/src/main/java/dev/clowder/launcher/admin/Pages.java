package dev.clowder.launcher.admin;

import dev.clowder.launcher.supervisor.Status;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The open pages, and what they are sent: the status once a second, and each event. It is written once for all of them. One
 * that reads too slowly misses some, gets the last events again when it reads on, and is closed when it does not. Belongs to
 * the event loop, but for {@link #status} and {@link #event}.
 */
final class Pages {
    /** Open pages; one more is refused. */
    static final int MAX_PAGES = 1000;

    static final long EVERY_MILLIS = 1000;
    /** That a new page is told. */
    private static final int KEPT_EVENTS = 100;
    /** Bytes that wait for one page. */
    private static final int MAX_WAITING = 64 * 1024;

    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(30);

    private final Map<HttpServerResponse, Reader> readers = new LinkedHashMap<>();
    private final Deque<Buffer> events = new ArrayDeque<>();
    /** Events that wait for the event loop. Guards itself. */
    private final Deque<String> arrived = new ArrayDeque<>();
    /** Another one after a restart: events are counted anew, and the page's secret is no longer good. */
    private final String life = UUID.randomUUID().toString();

    private long lastEvent;
    private volatile @Nullable Latest latest;

    /** What the supervisor published, and when. */
    record Latest(Status status, long at) {
        /** Nanoseconds. */
        long age() {
            return System.nanoTime() - at;
        }
    }

    private static final class Reader {
        long since;
        boolean behind;
    }

    /** Any thread. */
    void status(Status status) {
        latest = new Latest(status, System.nanoTime());
    }

    @Nullable
    Latest latest() {
        return latest;
    }

    boolean isFull() {
        return readers.size() >= MAX_PAGES;
    }

    /** Begins to write to a page. */
    void add(HttpServerResponse page) {
        page.setWriteQueueMaxSize(MAX_WAITING);
        readers.put(page, new Reader());
        page.closeHandler(closed -> readers.remove(page));
        page.exceptionHandler(failed -> readers.remove(page));
        // After a loss of the connection the browser comes back by itself.
        page.write(Buffer.buffer("retry: 1000\nevent: hello\ndata: " + life + "\n\n"));
        Latest now = latest;
        if (now != null) {
            page.write(frame(now));
        }
        events.forEach(page::write);
    }

    /** Sends the status to all. */
    void tick() {
        Latest now = latest;
        if (now == null || readers.isEmpty()) {
            return;
        }
        send(frame(now));
    }

    /**
     * Leaves an event behind; of many at once the oldest are lost. Any thread.
     *
     * @return whether {@link #tell} is to be called
     */
    boolean event(String json) {
        synchronized (arrived) {
            if (arrived.size() == KEPT_EVENTS) {
                arrived.remove();
            }
            arrived.add(json);
            return arrived.size() == 1;
        }
    }

    /** Sends what has arrived to all, in one piece: a burst of events costs each page one write. */
    void tell() {
        Buffer all = Buffer.buffer();
        synchronized (arrived) {
            for (String json : arrived) {
                Buffer frame = Buffer.buffer("id: " + ++lastEvent + "\nevent: event\ndata: " + json + "\n\n");
                events.add(frame);
                if (events.size() > KEPT_EVENTS) {
                    events.remove();
                }
                all.appendBuffer(frame);
            }
            arrived.clear();
        }
        send(all);
    }

    private static Buffer frame(Latest now) {
        return Buffer.buffer("event: status\ndata: " + now.status().compactJson() + "\n\n");
    }

    private void send(Buffer frame) {
        long now = System.nanoTime();
        for (Map.Entry<HttpServerResponse, Reader> entry : Map.copyOf(readers).entrySet()) {
            HttpServerResponse page = entry.getKey();
            Reader reader = entry.getValue();
            if (page.writeQueueFull()) {
                if (!reader.behind) {
                    reader.behind = true;
                    reader.since = now;
                } else if (now - reader.since > PATIENCE) {
                    readers.remove(page);
                    page.reset();
                }
            } else if (reader.behind) {
                reader.behind = false;
                page.write(frame);
                // It knows by their numbers which ones it has seen.
                events.forEach(page::write);
            } else {
                page.write(frame);
            }
        }
    }
}
