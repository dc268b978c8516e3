package dev.clowder.it;

import dev.clowder.it.HttpConnection.Response;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Every page of a server that its files or its links name, each fetched once over a connection of its own, without
 * cookies; what differs from one request to the next by nature is written the same.
 */
final class Crawl {
    /** Far above what a distribution has; a server that makes links without end must not hold the test. */
    private static final int MOST_PAGES = 4_000;

    private static final Duration SOON = Duration.ofMinutes(3);

    private static final Pattern LINK = Pattern.compile("(?:href|src|action)\\s*=\\s*[\"']([^\"'#]*)");

    /** What is another one with each request, each second or each process; the first that fits counts. */
    private static final Map<Pattern, String> BY_NATURE = byNature();

    private static final Set<String> HEADERS_BY_NATURE = Set.of(
            "date",
            // The tests ask for it: --expose-worker.
            "x-clowder-worker");

    /** Tomcat's example of a stream of events. */
    private static final Set<String> WITHOUT_END = Set.of("/examples/async/stockticker");

    /** Its cells are shuffled for each request. */
    private static final Set<String> SHUFFLED = Set.of("/examples/jsp/jsp2/jspattribute/shuffle.jsp");

    private final int port;
    private final String authorization;
    private final Predicate<String> leaf;
    private final Map<String, Response> pages = new TreeMap<>();

    private Crawl(int port, String authorization, Predicate<String> leaf) {
        this.port = port;
        this.authorization = authorization;
        this.leaf = leaf;
    }

    private static Map<Pattern, String> byNature() {
        Map<Pattern, String> all = new LinkedHashMap<>();
        // Here with the slot at its end.
        all.put(Pattern.compile("\\b[0-9A-F]{32}(?:\\.[1-9]\\d*)?\\b"), "SESSION");
        all.put(Pattern.compile("@[0-9a-f]{5,8}\\b"), "@HASH");
        all.put(Pattern.compile("\\b1\\d{12}\\b"), "MILLISECONDS");
        all.put(Pattern.compile("\\w{3} \\w{3} \\d\\d \\d\\d:\\d\\d:\\d\\d \\w+ \\d{4}"), "TIME");
        all.put(Pattern.compile("\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d [+-]\\d{4}"), "TIME");
        all.put(Pattern.compile("\\w{3} \\d+, \\d{4}, \\d+:\\d\\d:\\d\\d.[AP]M"), "TIME");
        all.put(Pattern.compile("(<li> .{1,40}: is  ).*"), "$1TIME");
        return all;
    }

    /**
     * Fetches everything.
     *
     * @param user name and password, with a colon between them
     * @param first where to begin
     * @param leaf whether the links of a page lead out of what is to be fetched
     * @return what came, by path and query
     */
    static Map<String, Response> of(int port, String user, Collection<String> first, Predicate<String> leaf)
            throws IOException {
        String encoded = Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.US_ASCII));
        Crawl crawl = new Crawl(port, "Authorization: Basic " + encoded, leaf);
        crawl.follow(first);
        return crawl.pages;
    }

    /** The paths of all files that a server gives out from a directory of applications. */
    static SortedSet<String> filesOf(Path webapps) throws IOException {
        SortedSet<String> paths = new TreeSet<>(List.of("/"));
        try (Stream<Path> files = Files.walk(webapps)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String path = webapps.relativize(file).toString();
                paths.add("/" + path.replaceFirst("^ROOT/", ""));
                paths.add("/" + path.replaceFirst("^ROOT/", "").replaceFirst("[^/]*$", ""));
            }
        }
        return paths;
    }

    private void follow(Collection<String> first) throws IOException {
        Deque<String> next = new ArrayDeque<>(first);
        Set<String> known = new HashSet<>(first);
        while (!next.isEmpty()) {
            String path = next.remove();
            Response page = fetch(path);
            pages.put(path, page);
            for (String link : leaf.test(path) ? Set.<String>of() : links(path, page)) {
                if (known.add(link)) {
                    next.add(link);
                }
            }
            if (known.size() > MOST_PAGES) {
                throw new IOException("more than " + MOST_PAGES + " pages, the last: " + path);
            }
        }
    }

    private Response fetch(String path) throws IOException {
        try (HttpConnection connection = HttpConnection.open(port).patient(SOON)) {
            connection.send(connection.head("GET", path, "Host: localhost", authorization));
            return normal(path, WITHOUT_END.contains(path) ? connection.readHead() : connection.read());
        } catch (IOException e) {
            throw new IOException(path + ": " + e.getMessage(), e);
        }
    }

    private static Response normal(String path, Response page) {
        Map<String, String> headers = new TreeMap<>(page.headers());
        headers.keySet().removeAll(HEADERS_BY_NATURE);
        headers.computeIfPresent("set-cookie", (name, value) -> normal(value));
        headers.computeIfPresent("location", (name, value) -> normal(value));
        String body = normal(page.body());
        if (SHUFFLED.contains(path)) {
            body = Stream.of(body.split("")).sorted().collect(Collectors.joining());
        }
        if (page.status() == 500) {
            // Jasper tells the line only of a page that was compiled since this Tomcat started.
            body = body.replaceAll("(?s)<p><b>Message</b>.*", "ERROR");
        }
        if (!body.equals(page.body())) {
            headers.remove("content-length");
        }
        return new Response(page.status(), headers, body);
    }

    private static String normal(String text) {
        String same = text;
        for (Map.Entry<Pattern, String> nature : BY_NATURE.entrySet()) {
            same = nature.getKey().matcher(same).replaceAll(nature.getValue());
        }
        return same;
    }

    private static SortedSet<String> links(String path, Response page) {
        SortedSet<String> links = new TreeSet<>();
        String location = page.header("Location");
        if (location != null) {
            add(links, path, location);
        }
        String type = page.header("Content-Type");
        if (type != null && type.contains("html")) {
            for (MatchResult link : LINK.matcher(page.body()).results().toList()) {
                add(links, path, link.group(1).strip().replace("&amp;", "&"));
            }
        }
        return links;
    }

    /** Only those that stay on the server; without session ids. */
    private static void add(Set<String> links, String path, String link) {
        try {
            URI target = URI.create("http://localhost" + path)
                    .resolve(link.replaceFirst(";jsessionid=[^?#]*", ""))
                    .normalize();
            if ("localhost".equals(target.getHost()) && target.getPort() < 0 && "http".equals(target.getScheme())) {
                String query = target.getRawQuery() == null ? "" : "?" + target.getRawQuery();
                links.add((target.getRawPath().isEmpty() ? "/" : target.getRawPath()) + query);
            }
        } catch (IllegalArgumentException e) {
            // No address, for example one that a script puts together.
        }
    }
}
