package dev.clowder.launcher.check;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.jsoup.nodes.FormElement;
import org.jspecify.annotations.Nullable;

/**
 * Finds a journey by itself: from the root of the application along its links and forms, one user, breadth first. Forms are
 * sent as they are, empty text fields with {@code 1}. What looks like the end of a login is left out.
 */
final class Crawler {
    private static final Pattern ENDS_LOGIN = Pattern.compile("(?i)log-?_?(out|off)|sign-?_?(out|off)");
    private static final Pattern SESSION = Pattern.compile(";jsessionid=[^?#]*");
    /** Of one path, with other queries: a calendar has no end. */
    private static final int MOST_QUERIES = 3;

    private static final int MOST_DEPTH = 6;

    private final CheckedCluster cluster;
    private final String contextPath;
    private final int mostPages;
    private final boolean onlyGet;
    private final long deadline;
    private final List<String> leftOut;
    private final Set<String> known = new HashSet<>();
    private final Map<String, Integer> queries = new HashMap<>();
    private final Deque<Found> waiting = new ArrayDeque<>();

    private record Found(Step step, int depth) {}

    /** @param leftOut gets what can't be replayed, and why */
    Crawler(CheckedCluster cluster, CheckOptions options, List<String> leftOut) {
        this.cluster = cluster;
        this.contextPath = options.contextPath();
        this.mostPages = options.pages();
        this.onlyGet = options.onlyGet();
        this.deadline = System.nanoTime() + options.crawlTime().toNanos();
        this.leftOut = leftOut;
    }

    List<Step> journey() throws IOException {
        List<Step> journey = new ArrayList<>();
        User user = new User();
        add(Step.get(contextPath + "/"), 0);
        while (!waiting.isEmpty() && journey.size() < mostPages && System.nanoTime() < deadline) {
            if (Thread.currentThread().isInterrupted()) {
                throw new IOException("interrupted");
            }
            Found next = waiting.remove();
            try (HttpConnection connection = cluster.connect(1)) {
                String cookies = user.header();
                Answer answer = connection.exchange(next.step(), cookies.isEmpty() ? List.of() : List.of(cookies));
                user.take(answer);
                if (answer.status() == 101) {
                    continue;
                }
                journey.add(next.step());
                follow(next, answer);
            } catch (IOException e) {
                leftOut.add(next.step() + ": " + e.getMessage());
            }
        }
        return journey;
    }

    private void follow(Found from, Answer answer) {
        if (from.depth() >= MOST_DEPTH) {
            return;
        }
        String base = "http://127.0.0.1:" + cluster.port() + from.step().target();
        if (!answer.header("location").isEmpty()) {
            link(base, answer.header("location"), from.depth());
        }
        if (!answer.header("content-type").startsWith("text/html")) {
            return;
        }
        Document page = Jsoup.parse(answer.body(), base);
        for (Element link : page.select("a[href], area[href], iframe[src], frame[src]")) {
            link(base, link.hasAttr("href") ? link.absUrl("href") : link.absUrl("src"), from.depth());
        }
        for (FormElement form : page.forms()) {
            form(base, form, from.depth());
        }
    }

    private void link(String base, String url, int depth) {
        String target = target(base, url);
        if (target != null) {
            add(Step.get(target), depth + 1);
        }
    }

    private void form(String base, FormElement form, int depth) {
        if (form.attr("enctype").equalsIgnoreCase("multipart/form-data")) {
            return;
        }
        String target = target(base, form.hasAttr("action") ? form.absUrl("action") : base);
        if (target == null) {
            return;
        }
        String data = form.formData().stream()
                .map(field -> encode(field.key()) + "=" + encode(field.value().isEmpty() ? "1" : field.value()))
                .collect(Collectors.joining("&"));
        if (form.attr("method").equalsIgnoreCase("post")) {
            if (onlyGet) {
                String line = "POST " + target + ": --get-only";
                if (!leftOut.contains(line)) {
                    leftOut.add(line);
                }
                return;
            }
            add(new Step("POST", target, Step.FORM, data, 0), depth + 1);
        } else {
            add(Step.get(target.replaceFirst("\\?.*", "") + (data.isEmpty() ? "" : "?" + data)), depth + 1);
        }
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    /** Path and query within the application; null for anything else. */
    private @Nullable String target(String base, String url) {
        try {
            URI uri = URI.create(base).resolve(SESSION.matcher(url.trim()).replaceFirst(""));
            boolean here = "http".equals(uri.getScheme())
                    && uri.getPort() == cluster.port()
                    && ("127.0.0.1".equals(uri.getHost()) || "localhost".equals(uri.getHost()));
            String path = uri.getRawPath();
            if (!here || path == null || path.isEmpty() || !Journeys.isWithin(path, contextPath)) {
                return null;
            }
            String target = uri.getRawQuery() == null ? path : path + "?" + uri.getRawQuery();
            return ENDS_LOGIN.matcher(target).find() ? null : target;
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    private void add(Step step, int depth) {
        if (known.add(step + " " + step.body())
                && queries.merge(step.method() + " " + step.path(), 1, Integer::sum) <= MOST_QUERIES) {
            waiting.add(new Found(step, depth));
        }
    }
}
