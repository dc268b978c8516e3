package dev.clowder.launcher.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.clowder.launcher.supervisor.Status;
import dev.clowder.launcher.wire.Message;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** What each path answers. Belongs to the event loop. */
final class Answers {
    /** Commands that wait for their answer. */
    static final int MAX_COMMANDS = 16;

    private static final int MAX_BODY = 4 * 1024;
    private static final List<String> COMMANDS = List.of("reload", "scale", "restart", "threads");

    private static final String TEXT = "text/plain; charset=utf-8";
    private static final String JSON = "application/json";
    private static final JsonMapper MAPPER = new JsonMapper();
    private static final Map<String, String> TYPES = Map.of(
            "html", "text/html; charset=utf-8",
            "css", "text/css; charset=utf-8",
            "js", "text/javascript; charset=utf-8",
            "svg", "image/svg+xml");
    private static final List<String> FILES = List.of("style.css", "app.js", "cards.js", "graph.js", "icon.svg");

    private final Pages pages;
    private final Lookout lookout;
    private final Guard guard;
    private final Context loop;
    private final Map<String, Buffer> files;
    private int commands;

    Answers(Pages pages, Lookout lookout, Guard guard, Context loop) {
        this.pages = pages;
        this.lookout = lookout;
        this.guard = guard;
        this.loop = loop;
        Map<String, Buffer> read = new HashMap<>();
        for (String file : FILES) {
            read.put("/" + file, file(file));
        }
        String index = file("index.html").toString(UTF_8);
        read.put("/", Buffer.buffer(index.replace("PAGE_SECRET", guard.pageSecret())));
        files = Map.copyOf(read);
    }

    private static Buffer file(String name) {
        try (InputStream in = Answers.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException(name + " is missing in the jar");
            }
            return Buffer.buffer(in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Answers.
     *
     * @param patience called when the answer may take its time
     */
    void answer(HttpServerRequest request, Runnable patience) {
        HttpServerResponse response = request.response();
        // Each connection is for one answer: nobody keeps one that he does not use. The header alone does not close it.
        response.endHandler(answered -> closeAfter(request));
        request.endHandler(ended -> closeAfter(request));
        response.putHeader("Connection", "close")
                .putHeader("Cache-Control", "no-store")
                .putHeader("X-Content-Type-Options", "nosniff")
                .putHeader("Referrer-Policy", "no-referrer")
                .putHeader("Cross-Origin-Resource-Policy", "same-origin")
                .putHeader("Cross-Origin-Opener-Policy", "same-origin")
                .putHeader(
                        "Content-Security-Policy",
                        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
                                + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
        // Null only for what is no path, such as OPTIONS *.
        String path = String.valueOf(request.path());
        boolean reads = HttpMethod.GET.equals(request.method()) || HttpMethod.HEAD.equals(request.method());
        if (!guard.isOurName(request)) {
            end(response, 421, "this page is at 127.0.0.1 and localhost only");
        } else if (reads && "/healthz".equals(path)) {
            healthy(response);
        } else if (reads && "/readyz".equals(path)) {
            ready(response);
        } else if (!guard.knowsToken(request)) {
            response.putHeader(
                    "WWW-Authenticate", "Basic realm=\"clowder: any name, and the token\", charset=\"UTF-8\"");
            end(response, 401, "the token is needed, see --admin-token");
        } else if (reads && files.containsKey(path)) {
            response.putHeader("Content-Type", TYPES.get(path.equals("/") ? "html" : path.replaceFirst(".*\\.", "")));
            response.end(files.get(path));
        } else if (reads && "/metrics".equals(path)) {
            measure(response);
        } else if (reads && "/events".equals(path)) {
            open(request, response, patience);
        } else if ("/command".equals(path)) {
            command(request, response, patience);
        } else {
            end(response, 404, "no such page");
        }
    }

    /** Not while the client still sends: its system would throw the answer away. */
    private static void closeAfter(HttpServerRequest request) {
        if (request.isEnded() && request.response().ended()) {
            request.connection().close();
        }
    }

    private static void end(HttpServerResponse response, int status, String text) {
        response.setStatusCode(status).putHeader("Content-Type", TEXT).end(text + "\n");
    }

    private void healthy(HttpServerResponse response) {
        long silent = lookout.silentSeconds();
        if (silent > 0) {
            end(response, 503, "the supervisor has not turned for " + silent + " s");
        } else {
            end(response, 200, lookout.cluster() == null ? "starting" : "ok");
        }
    }

    private void ready(HttpServerResponse response) {
        long silent = lookout.silentSeconds();
        if (silent > 0) {
            end(response, 503, "the supervisor has not turned for " + silent + " s");
        } else if (!lookout.look(sight -> ready(response, sight.status))) {
            end(response, 503, "starting, 0 workers ready");
        }
    }

    private static void ready(HttpServerResponse response, Status status) {
        if (isOver(response)) {
            return;
        }
        String state = status.supervisor().state();
        long ready = status.workers().stream()
                .filter(worker -> worker.state().equals("READY"))
                .count();
        boolean good = state.equals("RUNNING") && ready > 0;
        end(response, good ? 200 : 503, state.toLowerCase(Locale.ROOT) + ", " + ready + " workers ready");
    }

    private void measure(HttpServerResponse response) {
        long silent = lookout.silentSeconds();
        if (silent > 0) {
            end(response, 503, "the supervisor has not turned for " + silent + " s");
        } else if (!lookout.look(sight -> measure(response, sight))) {
            end(response, 503, "starting");
        }
    }

    private static void measure(HttpServerResponse response, Lookout.Sight sight) {
        if (isOver(response)) {
            return;
        }
        try {
            response.putHeader("Content-Type", Metrics.CONTENT_TYPE).end(sight.metrics());
        } catch (IOException e) {
            end(response, 500, "can't write: " + e.getMessage());
        }
    }

    /** Who asked may have left while the answer was made. */
    private static boolean isOver(HttpServerResponse response) {
        return response.closed() || response.ended();
    }

    private void open(HttpServerRequest request, HttpServerResponse response, Runnable patience) {
        if (guard.isFromElsewhere(request)) {
            end(response, 403, "asked by the page of somebody else");
        } else if (pages.isFull()) {
            end(response, 503, Pages.MAX_PAGES + " pages are open");
        } else if (HttpMethod.HEAD.equals(request.method())) {
            response.putHeader("Content-Type", "text/event-stream").end();
        } else {
            patience.run();
            response.setChunked(true).putHeader("Content-Type", "text/event-stream");
            pages.add(response);
        }
    }

    private void command(HttpServerRequest request, HttpServerResponse response, Runnable patience) {
        if (!HttpMethod.POST.equals(request.method())) {
            end(response.putHeader("Allow", "POST"), 405, "use POST");
        } else if (!guard.isFromOurPage(request)) {
            end(response, 403, "not asked by the page of this cluster; load it again");
        } else if (!JSON.equals(request.getHeader("Content-Type"))) {
            end(response, 415, "use " + JSON);
        } else if (commands >= MAX_COMMANDS) {
            end(response, 503, MAX_COMMANDS + " commands are waiting for their answers");
        } else {
            Buffer body = Buffer.buffer();
            request.handler(part -> {
                if (body.length() + part.length() > MAX_BODY) {
                    request.connection().close();
                } else {
                    body.appendBuffer(part);
                }
            });
            request.endHandler(end -> run(body, response, patience));
        }
    }

    @SuppressWarnings("FutureReturnValueIgnored") // What comes of it is the answer.
    private void run(Buffer body, HttpServerResponse response, Runnable patience) {
        Commander cluster = lookout.cluster();
        String name;
        List<String> arguments = new ArrayList<>();
        try {
            JsonNode command = MAPPER.readTree(body.getBytes());
            name = command == null ? "" : command.path("name").asText();
            if (command != null) {
                command.path("arguments").forEach(argument -> arguments.add(argument.asText()));
            }
        } catch (IOException e) {
            end(response, 400, "no JSON: {\"name\": \"scale\", \"arguments\": [\"2\"]}");
            return;
        }
        if (cluster == null || !COMMANDS.contains(name)) {
            end(response, cluster == null ? 503 : 400, cluster == null ? "starting" : "commands here are " + COMMANDS);
            return;
        }
        patience.run();
        commands++;
        CompletableFuture<Message.Reply> asked = cluster.ask(name, arguments);
        // Every question gets an answer, when the cluster ends at the latest.
        asked.thenAccept(reply -> loop.runOnContext(none -> {
            commands--;
            reply(response, reply);
        }));
    }

    private static void reply(HttpServerResponse response, Message.Reply reply) {
        if (isOver(response)) {
            return;
        }
        int status = switch (reply.exitCode()) {
            case 0 -> 200;
            case 2 -> 400;
            default -> 409;
        };
        try {
            String text = MAPPER.writeValueAsString(Map.of("exitCode", reply.exitCode(), "text", reply.text()));
            response.setStatusCode(status).putHeader("Content-Type", JSON).end(text);
        } catch (JsonProcessingException e) {
            end(response, 500, String.valueOf(e.getMessage()));
        }
    }
}
