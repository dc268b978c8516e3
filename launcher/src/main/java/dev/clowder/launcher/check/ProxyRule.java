package dev.clowder.launcher.check;

import dev.clowder.launcher.check.CheckedCluster.NotStartedException;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** A journey through a proxy that speaks HTTPS to its client and has another name. */
final class ProxyRule {
    private static final String PUBLIC = "clowder-check.example";
    private static final Pattern LOCAL = Pattern.compile("localhost|127\\.\\d+\\.\\d+\\.\\d+|\\[::1]");
    private static final Pattern PLAIN = Pattern.compile("http://" + Pattern.quote(PUBLIC) + "(?![\\w.-])");

    private ProxyRule() {}

    static void check(CheckedCluster cluster, List<Step> journey, Findings findings)
            throws IOException, NotStartedException {
        List<Answer> answers = new Replay(
                        cluster,
                        journey,
                        "X-Forwarded-For: 127.0.0.1",
                        "X-Forwarded-Proto: https",
                        "X-Forwarded-Host: " + PUBLIC)
                .run();
        List<Replay.Position> positions = Replay.positions(journey);
        for (int i = 0; i < answers.size(); i++) {
            Step step = journey.get(positions.get(i).step());
            redirect(step, answers.get(i), cluster.port(), findings);
            for (String cookie : answers.get(i).all("set-cookie")) {
                cookie(step, cookie, findings);
            }
            link(step, answers.get(i), cluster.port(), findings);
        }
    }

    private static void redirect(Step step, Answer answer, int port, Findings findings) {
        String location = answer.header("location");
        String problem = problem(location, port);
        if (!problem.isEmpty()) {
            findings.of(Rule.FORGETS_PROXY, "redirect of " + step.method() + " " + step.path())
                    .add(step + " redirects to " + location + ", " + problem);
        }
    }

    private static String problem(String location, int port) {
        URI uri;
        try {
            uri = URI.create(location);
        } catch (IllegalArgumentException e) {
            return "";
        }
        String host = uri.getHost();
        if (host == null) {
            return "";
        }
        if (LOCAL.matcher(host).matches() || uri.getPort() == port) {
            return "which is not the host that the client asked for, " + PUBLIC;
        }
        return host.equals(PUBLIC) && "http".equals(uri.getScheme()) ? "although the client came by https" : "";
    }

    private static void cookie(Step step, String cookie, Findings findings) {
        String name = cookie.replaceFirst("=.*", "");
        String attributes = cookie.toLowerCase(Locale.ROOT).replaceFirst("[^;]*", "");
        if (!attributes.matches(".*;\\s*secure\\b.*") && !attributes.matches(".*;\\s*max-age=0\\b.*")) {
            findings.of(Rule.FORGETS_PROXY, "cookie " + name)
                    .add(step + " sets the cookie " + name + " without Secure, although the client came by https");
        }
        if (attributes.matches(".*;\\s*domain=\\.?(localhost|127\\.).*")) {
            findings.of(Rule.FORGETS_PROXY, "cookie " + name)
                    .add(step + " sets the cookie " + name + " for a host that the client did not ask for");
        }
    }

    static void link(Step step, Answer answer, int port, Findings findings) {
        String problem = "";
        if (Pattern.compile("https?://(" + LOCAL.pattern() + "):" + port + "\\b")
                .matcher(answer.body())
                .find()) {
            problem = "has a link to port " + port + " of this machine, which the client can't reach";
        } else if (PLAIN.matcher(answer.body()).find()) {
            problem = "has a link by http to " + PUBLIC + ", although the client came by https";
        }
        if (!problem.isEmpty()) {
            findings.of(Rule.FORGETS_PROXY, "link in " + step.method() + " " + step.path())
                    .add(step + " " + problem);
        }
    }
}
