package dev.clowder.launcher.admin;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * The open pages, and what they are sent: the status once a second, and each event. Without a page nobody looks. One
 * that reads too slowly misses some, gets the last events again when it reads on, and is closed when it does not. Belongs to
 * the event loop, but for {@link #event}.
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
    private final Lookout lookout;
    private boolean looking;

    private static final class Reader {
        long since;
        boolean behind;
    }

    Pages(Lookout lookout) {
        this.lookout = lookout;
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
        events.forEach(page::write);
        lookout.look(sight -> {
            if (readers.containsKey(page)) {
                page.write(sight.frame());
            }
        });
    }

    /** Sends the status to all. */
    void tick() {
        if (!looking && !readers.isEmpty()) {
            // A supervisor that does not answer is asked once.
            looking = true;
            boolean asked = lookout.look(sight -> {
                looking = false;
                send(sight.frame());
            });
            looking &= asked;
        }
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
