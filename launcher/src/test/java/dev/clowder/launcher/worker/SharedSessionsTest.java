package dev.clowder.launcher.worker;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.worker.sessions.EngineStore;
import dev.clowder.launcher.worker.sessions.ReplicaGroup;
import dev.clowder.launcher.worker.sessions.Replicas;
import dev.clowder.launcher.worker.sessions.SessionStore;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequestEvent;
import jakarta.servlet.ServletRequestListener;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.Serializable;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.catalina.Context;
import org.apache.catalina.Pipeline;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.startup.Tomcat;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.http2.Http2Protocol;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real Tomcat whose application is touched by everything that can ask for a session, and a second worker's copies. */
class SharedSessionsTest {
    /** Where the session of a request is to be used. */
    private static final String WHERE = "Where";

    private static final String NOWHERE = "nowhere";
    /** More than Tomcat keeps before it begins to answer. */
    private static final int LARGE = 20_000;

    private static final Map<String, Boolean> LOCKED = new ConcurrentHashMap<>();
    private static final BlockingQueue<AsyncContext> WAITING = new LinkedBlockingQueue<>();
    private static volatile SessionStore asked;

    @TempDir
    private Path directory;

    private HttpClient client = client(HttpClient.Version.HTTP_1_1);
    private Tomcat tomcat;
    private ReplicaGroup group;
    private Replicas one;
    private Replicas two;

    /** Changes the session, if it is to be here, and looks whether others have to wait for it. */
    private static void touch(String here, HttpServletRequest request) {
        if (here.equals(request.getHeader(WHERE))) {
            var session = request.getSession();
            session.setAttribute("mark", "used by " + here);
            SessionStore.Lease free = asked.tryLease("localhost/shop " + session.getId());
            LOCKED.put(here, free == null);
            if (free != null) {
                free.close();
            }
        }
    }

    /** Before and behind what comes next. */
    public static class TouchingValve extends ValveBase {
        private final String here;

        public TouchingValve() {
            this("the application's valve");
        }

        TouchingValve(String here) {
            super(true);
            this.here = here;
        }

        @Override
        public void invoke(Request request, Response response) throws IOException, ServletException {
            touch(here, request);
            getNext().invoke(request, response);
            touch("behind " + here, request);
        }
    }

    public static class TouchingListener implements ServletRequestListener {
        @Override
        public void requestInitialized(ServletRequestEvent event) {
            touch("the listener's begin", (HttpServletRequest) event.getServletRequest());
        }

        @Override
        public void requestDestroyed(ServletRequestEvent event) {
            touch("the listener's end", (HttpServletRequest) event.getServletRequest());
        }
    }

    public static class ShopServlet extends HttpServlet {
        private static final long serialVersionUID = 1;

        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
            touch("the servlet", request);
            switch (request.getPathInfo()) {
                case "/error" -> response.sendError(418);
                case "/page" -> {
                    touch("the error page", request);
                    response.getWriter().print("the page");
                }
                case "/poll" -> {
                    request.getSession().setAttribute("poll", "begun");
                    WAITING.add(request.startAsync());
                }
                case "/polled" -> {
                    var session = request.getSession(false);
                    if (session == null) {
                        response.getWriter().print("no session");
                    } else {
                        session.setAttribute("poll", "used by the poll");
                        response.getWriter().print(session.getAttribute("mark"));
                    }
                }
                case "/end" -> request.getSession().invalidate();
                case "/poll-of-session" ->
                    response.getWriter().print(request.getSession().getAttribute("poll"));
                case "/large" -> {
                    spoil(request);
                    response.getWriter().print("x".repeat(LARGE));
                }
                case "/closed" -> {
                    spoil(request);
                    response.getWriter().print("closed");
                    response.getWriter().close();
                }
                case "/spoiled-error" -> {
                    spoil(request);
                    response.sendError(418);
                }
                case "/spoiled" -> {
                    spoil(request);
                    response.getWriter().print("answered");
                }
                default -> response.getWriter().print("answered");
            }
        }
    }

    /** Serializable by its word only. */
    static final class Holder implements Serializable {
        private static final long serialVersionUID = 1;

        @SuppressWarnings("serial")
        private final Object handle = new Object();

        @Override
        public String toString() {
            return "holder of " + handle;
        }
    }

    /** What is set can't be written, and what was changed with it is not stored. */
    private static void spoil(HttpServletRequest request) {
        request.getSession().setAttribute("mark", "spoiled");
        request.getSession().setAttribute("holder", new Holder());
    }

    private static SessionHome home(Replicas replicas) {
        return new SessionHome(new Message.Sessions("replicated", ""), null, replicas, null);
    }

    private void start(SessionHome sessions) throws Exception {
        Path application = Files.createDirectories(directory.resolve("shop"));
        Files.createDirectories(application.resolve("META-INF"));
        Files.createDirectories(application.resolve("WEB-INF"));
        Files.writeString(
                application.resolve("META-INF/context.xml"),
                "<Context><Valve className='" + TouchingValve.class.getName() + "'/></Context>");
        Files.writeString(
                application.resolve("WEB-INF/web.xml"),
                "<web-app xmlns='https://jakarta.ee/xml/ns/jakartaee' version='6.0' metadata-complete='true'>"
                        + "<listener><listener-class>" + TouchingListener.class.getName()
                        + "</listener-class></listener><servlet><servlet-name>shop</servlet-name><servlet-class>"
                        + ShopServlet.class.getName()
                        + "</servlet-class><async-supported>true</async-supported></servlet><servlet-mapping>"
                        + "<servlet-name>shop</servlet-name><url-pattern>/s/*</url-pattern></servlet-mapping>"
                        + "<error-page><error-code>418</error-code><location>/s/page</location></error-page></web-app>");
        tomcat = new Tomcat();
        tomcat.setBaseDir(directory.resolve("base").toString());
        tomcat.setPort(0);
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        tomcat.getConnector().addUpgradeProtocol(new Http2Protocol());
        sessions.watch(tomcat.getEngine());
        Pipeline engine = tomcat.getEngine().getPipeline();
        engine.addValve(new TouchingValve("the engine's valve"));
        tomcat.getHost().getPipeline().addValve(new TouchingValve("the host's valve"));
        Context context = tomcat.addWebapp("/shop", application.toString());
        context.addLifecycleListener(sessions);
        tomcat.start();
    }

    private static HttpClient client(HttpClient.Version version) {
        return HttpClient.newBuilder().version(version).build();
    }

    private void startReplicated() throws Exception {
        group = new ReplicaGroup(directory);
        one = group.join(1);
        two = group.join(2);
        asked = one;
        start(home(one));
    }

    @AfterEach
    void stop() throws Exception {
        if (tomcat != null) {
            tomcat.stop();
            tomcat.destroy();
        }
        if (group != null) {
            group.close();
        }
    }

    private HttpResponse<String> get(String path, String where, String cookie)
            throws IOException, InterruptedException {
        return client.send(request(path, where, cookie), HttpResponse.BodyHandlers.ofString(UTF_8));
    }

    private HttpRequest request(String path, String where, String cookie) {
        HttpRequest.Builder request = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + tomcat.getConnector().getLocalPort() + "/shop/s" + path))
                .header(WHERE, where);
        if (!cookie.isEmpty()) {
            request.header("Cookie", cookie);
        }
        return request.build();
    }

    private static String cookie(HttpResponse<String> begun) {
        return begun.headers().firstValue("Set-Cookie").orElseThrow().split(";", 2)[0];
    }

    /** What the other worker has. */
    private String copy(String cookie) {
        return ReplicaGroup.text(two, "localhost/shop " + cookie.replace("JSESSIONID=", ""));
    }

    @Test
    void whoeverUsesASessionHasItAloneAndOtherWorkersHaveItsChangeBeforeTheAnswerEnds() throws Exception {
        startReplicated();
        for (String where : List.of(
                "the servlet",
                "the listener's begin",
                "the listener's end",
                "the application's valve",
                "behind the application's valve",
                "the host's valve",
                "behind the host's valve",
                "the engine's valve",
                "behind the engine's valve",
                "the error page")) {
            assertIsSharedWhenUsedBy(where);
        }
    }

    private void assertIsSharedWhenUsedBy(String where) throws Exception {
        String path = where.equals("the error page") ? "/error" : "/";
        String cookie = cookie(get("/", "the servlet", ""));
        assertThat(copy(cookie)).contains("used by the servlet");
        LOCKED.clear();

        HttpResponse<String> answer = get(path, where, cookie);

        assertThat(copy(cookie)).as(where).contains("used by " + where);
        assertThat(LOCKED).as(where).containsOnly(Map.entry(where, true));
        assertThat(answer.body()).isEqualTo(where.equals("the error page") ? "the page" : "answered");
        assertThat(one.tryLease("localhost/shop " + cookie.replace("JSESSIONID=", "")))
                .as("free again behind " + where)
                .isNotNull();
    }

    @Test
    void anAsynchronousRequestHasItsSessionAgainAlsoIfItsWorkerHasForgottenItMeanwhile() throws Exception {
        startReplicated();
        String cookie = cookie(get("/", "the servlet", ""));
        CompletableFuture<HttpResponse<String>> poll = poll(cookie);
        AsyncContext waiting = WAITING.poll(30, TimeUnit.SECONDS);
        ReplicaGroup.forget(
                ((Context) tomcat.getHost().findChild("/shop")).getManager(), cookie.replace("JSESSIONID=", ""));
        get("/", "the servlet", cookie);
        waiting.dispatch("/s/polled");
        assertThat(poll.get(30, TimeUnit.SECONDS).body()).isEqualTo("used by the servlet");
        assertThat(copy(cookie)).contains("used by the poll").contains("used by the servlet");
        assertThat(get("/poll-of-session", NOWHERE, cookie).body()).isEqualTo("used by the poll");
    }

    @Test
    void anAsynchronousRequestWhoseSessionWasEndedMeanwhileHasNone() throws Exception {
        startReplicated();
        String cookie = cookie(get("/", "the servlet", ""));
        CompletableFuture<HttpResponse<String>> poll = poll(cookie);
        AsyncContext waiting = WAITING.poll(30, TimeUnit.SECONDS);
        ReplicaGroup.forget(
                ((Context) tomcat.getHost().findChild("/shop")).getManager(), cookie.replace("JSESSIONID=", ""));
        get("/end", NOWHERE, cookie);
        waiting.dispatch("/s/polled");
        assertThat(poll.get(30, TimeUnit.SECONDS).body()).isEqualTo("no session");
        assertThat(copy(cookie)).isEqualTo("nothing");
    }

    private CompletableFuture<HttpResponse<String>> poll(String cookie) {
        return client.sendAsync(request("/poll", NOWHERE, cookie), HttpResponse.BodyHandlers.ofString(UTF_8));
    }

    @Test
    void anAnswerWhoseChangeIsNotStoredIsNoWholeAnswer() throws Exception {
        startReplicated();
        for (HttpClient.Version version : HttpClient.Version.values()) {
            client = client(version);
            HttpResponse<String> begun = get("/", "the servlet", "");
            assertThat(begun.version()).isEqualTo(version);
            String cookie = cookie(begun);
            assertThat(get("/spoiled", NOWHERE, cookie).statusCode()).isEqualTo(500);
            for (String path : List.of("/large", "/closed", "/spoiled-error")) {
                assertThatThrownBy(() -> get(path, NOWHERE, cookie), "%s by %s", path, version)
                        .isInstanceOf(IOException.class);
            }
            assertThat(copy(cookie)).contains("used by the servlet").doesNotContain("spoiled");
            assertThat(get("/", "the servlet", cookie).statusCode())
                    .as("its next request")
                    .isEqualTo(200);
        }
    }

    @Test
    void whoeverCannotHaveASessionIsAnsweredWith503() throws Exception {
        int free;
        try (ServerSocket nobody = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            free = nobody.getLocalPort();
        }
        try (EngineStore away = EngineStore.open("redis://127.0.0.1:" + free)) {
            asked = away;
            Replicas none = new Replicas(1, said -> {}, directory, "locks");
            start(new SessionHome(new Message.Sessions("redis", ""), null, none, away));
            for (String where : List.of(
                    "the servlet",
                    "the listener's begin",
                    "the application's valve",
                    "the host's valve",
                    "the engine's valve")) {
                HttpResponse<String> refused = get("/", where, "");
                assertThat(refused.statusCode()).as(where).isEqualTo(503);
                assertThat(refused.headers().firstValue("Retry-After"))
                        .as(where)
                        .contains("1");
            }
            assertThat(get("/", NOWHERE, "").statusCode()).isEqualTo(200);
        }
    }
}
