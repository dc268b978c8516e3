package dev.clowder.benchmark.app;

import static java.nio.charset.StandardCharsets.US_ASCII;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** One kind of work for each path; {@code benchmarks/cluster.js} gives the same answers, byte by byte. */
@WebServlet({
    "/hello",
    "/pid",
    "/bytes",
    "/json",
    "/sleep5",
    "/sleep20",
    "/sometimes",
    "/cpu",
    "/lock",
    "/session",
    "/session-known"
})
public class BenchmarkServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    private static final byte[] HELLO = "hello".getBytes(US_ASCII);
    private static final byte[] BYTES = "x".repeat(64 * 1024).getBytes(US_ASCII);
    private static final int ITEMS = 25;
    /** One in so many: 5 %. */
    private static final int SOMETIMES = 20;

    private static final long KEPT_NANOS = TimeUnit.SECONDS.toNanos(5);
    /** About 2 ms of a processor of 2026. A fixed amount of work, since time passes for those that wait as well. */
    private static final int ROUNDS = 1_000_000;

    private static final Object LOCK = new Object();

    private static final Queue<Kept> KEPT = new ConcurrentLinkedQueue<>();

    /** What outlives its request, as an entry of a cache does. */
    private record Kept(long until, List<Item> items) {}

    private record Item(int id, String name, String price, List<String> tags) {}

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        switch (request.getServletPath()) {
            case "/hello" -> answer(response, HELLO);
            case "/pid" ->
                answer(response, String.valueOf(ProcessHandle.current().pid()).getBytes(US_ASCII));
            case "/bytes" -> answer(response, BYTES);
            case "/json" -> answer(response, json().getBytes(US_ASCII));
            case "/sleep5" -> sleep(response, 5);
            case "/sleep20" -> sleep(response, 20);
            case "/sometimes" -> sleep(response, sometimes() ? 20 : 0);
            case "/cpu" -> answer(response, work(ROUNDS));
            case "/lock" -> {
                byte[] result;
                synchronized (LOCK) {
                    result = work(ROUNDS / 2);
                }
                answer(response, result);
            }
            case "/session" -> count(request, response);
            case "/session-known" -> {
                if (request.getRequestedSessionId() == null || request.isRequestedSessionIdValid()) {
                    count(request, response);
                } else {
                    response.sendError(HttpServletResponse.SC_CONFLICT);
                }
            }
            default -> response.sendError(HttpServletResponse.SC_NOT_FOUND);
        }
    }

    private static void answer(HttpServletResponse response, byte[] body) throws IOException {
        response.setContentType("text/plain");
        response.setContentLength(body.length);
        response.getOutputStream().write(body);
    }

    private static void count(HttpServletRequest request, HttpServletResponse response) throws IOException {
        HttpSession session = request.getSession();
        session.setAttribute("count", session.getAttribute("count") instanceof Integer count ? count + 1 : 1);
        answer(response, HELLO);
    }

    private static boolean sometimes() {
        return ThreadLocalRandom.current().nextInt(SOMETIMES) == 0;
    }

    private static void sleep(HttpServletResponse response, int millis) throws IOException {
        try {
            if (millis > 0) {
                Thread.sleep(millis);
            }
            answer(response, HELLO);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static byte[] work(int rounds) {
        int x = 1;
        for (int i = 0; i < rounds; i++) {
            x ^= x << 13;
            x ^= x >>> 17;
            x ^= x << 5;
        }
        return Integer.toString(x).getBytes(US_ASCII);
    }

    /** About 2 kB of text, by way of objects; those of one request in twenty stay for five seconds. */
    private static String json() {
        List<Item> items = new ArrayList<>();
        for (int id = 0; id < ITEMS; id++) {
            int cents = 1_000 + id * 37;
            items.add(new Item(
                    id,
                    "Item number " + id,
                    cents / 100 + "." + cents % 100 / 10 + cents % 10,
                    List.of("tag-" + id, "tag-" + id * 2)));
        }
        if (sometimes()) {
            keep(items);
        }
        StringBuilder text = new StringBuilder("[");
        for (Item item : items) {
            text.append(text.length() == 1 ? "" : ",").append("{\"id\":").append(item.id());
            text.append(",\"name\":\"").append(item.name());
            text.append("\",\"price\":\"").append(item.price());
            text.append("\",\"tags\":[\"").append(String.join("\",\"", item.tags()));
            text.append("\"]}");
        }
        return text.append(']').toString();
    }

    private static void keep(List<Item> items) {
        long now = System.nanoTime();
        KEPT.add(new Kept(now + KEPT_NANOS, items));
        for (Kept oldest = KEPT.peek(); oldest != null && oldest.until() - now < 0; oldest = KEPT.peek()) {
            KEPT.remove(oldest);
        }
    }
}
