package dev.clowder.launcher.check;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.clowder.launcher.config.ConfigException;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Journeys that somebody wrote down: a script, or what a browser recorded. */
final class Journeys {
    private static final Pattern LINE = Pattern.compile("([A-Za-z]+)\\s+(/\\S*)(?:\\s+(\\d{3}))?(?:\\s+(\\S.*))?");
    private static final int MOST_STEPS = 1000;

    private Journeys() {}

    /**
     * Reads {@code METHOD PATH [STATUS] [BODY]} lines; those that are empty or begin with {@code #} are left out. A body that
     * begins with a brace or bracket is JSON, any other is a form.
     *
     * @throws ConfigException with the number of the first wrong line
     */
    static List<Step> script(Path file) throws ConfigException {
        List<Step> steps = new ArrayList<>();
        int number = 0;
        for (String line : text(file, "--script").lines().toList()) {
            number++;
            String request = line.trim();
            if (request.isEmpty() || request.startsWith("#")) {
                continue;
            }
            Matcher parts = LINE.matcher(request);
            if (!parts.matches()) {
                throw new ConfigException(
                        "--script " + file + ": line " + number + ": not METHOD /PATH [STATUS] [BODY]");
            }
            String body = parts.group(4) == null ? "" : parts.group(4);
            int status = parts.group(3) == null ? 0 : Integer.parseInt(parts.group(3));
            steps.add(new Step(parts.group(1), parts.group(2), type(body), body, status));
        }
        return bounded(steps, "--script " + file);
    }

    private static String type(String body) {
        if (body.isEmpty()) {
            return "";
        }
        return body.startsWith("{") || body.startsWith("[") ? "application/json" : Step.FORM;
    }

    /**
     * Reads an HTTP archive: its requests to the host of the first one, whatever that is called; under this context path.
     *
     * @throws ConfigException if it is none
     */
    static List<Step> har(Path file, String contextPath) throws ConfigException {
        List<Step> steps = new ArrayList<>();
        try {
            String host = null;
            for (JsonNode entry :
                    new JsonMapper().readTree(text(file, "--har")).path("log").path("entries")) {
                JsonNode request = entry.path("request");
                URI url = new URI(request.path("url").asText());
                host = host == null ? url.getRawAuthority() : host;
                String path = url.getRawPath() == null || url.getRawPath().isEmpty() ? "/" : url.getRawPath();
                if (host == null || !host.equals(url.getRawAuthority()) || !isWithin(path, contextPath)) {
                    continue;
                }
                String body = request.path("postData").path("text").asText("");
                steps.add(new Step(
                        request.path("method").asText("GET"),
                        url.getRawQuery() == null ? path : path + "?" + url.getRawQuery(),
                        body.isEmpty()
                                ? ""
                                : request.path("postData").path("mimeType").asText(Step.FORM),
                        body,
                        0));
            }
        } catch (IOException | URISyntaxException e) {
            throw new ConfigException("--har " + file + ": not an HTTP archive ("
                    + String.valueOf(e.getMessage()).replaceAll("\\R.*", "") + ")");
        }
        return bounded(steps, "--har " + file);
    }

    /** Whether a path belongs to the application that is mounted there. */
    static boolean isWithin(String path, String contextPath) {
        return contextPath.isEmpty() || path.equals(contextPath) || path.startsWith(contextPath + "/");
    }

    private static List<Step> bounded(List<Step> steps, String source) throws ConfigException {
        if (steps.isEmpty()) {
            throw new ConfigException(source + ": no request in it");
        }
        if (steps.size() > MOST_STEPS) {
            throw new ConfigException(source + ": " + steps.size() + " requests, use at most " + MOST_STEPS);
        }
        return List.copyOf(steps);
    }

    private static String text(Path file, String option) throws ConfigException {
        try {
            return Files.readString(file, UTF_8);
        } catch (IOException e) {
            throw new ConfigException(option + " " + file + ": "
                    + (Files.exists(file) ? "can't be read (" + e.getMessage() + ")" : "no such file"));
        }
    }
}
