package dev.clowder.launcher.worker;

import jakarta.servlet.ServletException;
import java.io.IOException;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;

/**
 * Which thread works on which request, since when: the answer to "what was it doing?". Tomcat's own {@code RequestInfo}
 * can't be asked by another thread while requests run, because its getters change what they read.
 */
final class RequestsInFlight extends ValveBase {
    private static final int MAX_URI = 200;

    private final Map<Thread, Entry> entries = new ConcurrentHashMap<>();

    private record Entry(String method, String uri, String client, long since) {}

    RequestsInFlight() {
        super(true);
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        Thread thread = Thread.currentThread();
        entries.put(
                thread,
                new Entry(request.getMethod(), request.getRequestURI(), request.getRemoteAddr(), System.nanoTime()));
        try {
            getNext().invoke(request, response);
        } finally {
            entries.remove(thread);
        }
    }

    /** How many threads work on a request. */
    int count() {
        return entries.size();
    }

    /** A line for each, the oldest first. A query string is left out: it may hold what is nobody's business. */
    List<String> lines(long now) {
        return entries.entrySet().stream()
                .sorted(Comparator.comparingLong(entry -> entry.getValue().since()))
                .map(entry -> line(entry.getKey(), entry.getValue(), now))
                .toList();
    }

    private static String line(Thread thread, Entry request, long now) {
        return String.format(
                Locale.ROOT,
                "%8.3f s  %s %s  from %s  on %s",
                (now - request.since()) / 1e9,
                printable(request.method()),
                printable(request.uri()),
                request.client(),
                thread.getName());
    }

    /** A client must not be able to write lines of its own into a log. */
    private static String printable(String text) {
        String one = text.replaceAll("[^\\x21-\\x7e]", "?");
        return one.length() <= MAX_URI ? one : one.substring(0, MAX_URI) + "...";
    }
}
