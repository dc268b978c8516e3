package dev.clowder.launcher.worker.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.wire.Observed;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.net.CookieManager;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What it looks at may be in any state: a request that it watches answers as without it. */
class SessionWatchTest {
    private static final int DEEP = 200_000;

    @TempDir
    private Path directory;

    private final Tomcat tomcat = new Tomcat();
    private final SessionWatch watch = new SessionWatch();
    private final HttpClient client =
            HttpClient.newBuilder().cookieHandler(new CookieManager()).build();

    /** Ends its session when somebody looks at it, as another request may at any time. */
    private static final class Ending implements Serializable {
        private static final long serialVersionUID = 1;

        private final transient HttpSession session;

        Ending(HttpSession session) {
            this.session = session;
        }

        private void writeObject(ObjectOutputStream out) throws IOException {
            session.invalidate();
            out.defaultWriteObject();
        }
    }

    private static final class Keeping extends HttpServlet {
        private static final long serialVersionUID = 1;

        @Override
        protected void doGet(HttpServletRequest request, HttpServletResponse response) {
            HttpSession session = request.getSession();
            if ("deep".equals(request.getQueryString())) {
                @Nullable List<Object> nested = null;
                for (int i = 0; i < DEEP; i++) {
                    List<Object> outer = new ArrayList<>(1);
                    outer.add(nested);
                    nested = outer;
                }
                session.setAttribute("deep", nested);
            } else {
                session.setAttribute("first", new Ending(session));
                session.setAttribute("second", new Ending(session));
            }
        }
    }

    @BeforeEach
    void start() throws Exception {
        tomcat.setBaseDir(directory.toString());
        tomcat.setPort(0);
        Context context = tomcat.addContext("", null);
        Tomcat.addServlet(context, "keeping", new Keeping()).addMapping("/");
        context.getPipeline().addValve(watch);
        tomcat.getConnector();
        tomcat.start();
    }

    @AfterEach
    void stop() throws Exception {
        tomcat.stop();
        tomcat.destroy();
    }

    private int status(String path) throws IOException, InterruptedException {
        URI uri = URI.create("http://127.0.0.1:" + tomcat.getConnector().getLocalPort() + path);
        return client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.discarding())
                .statusCode();
    }

    @Test
    @DisplayName("a session that ends while it is looked at is none to be looked at")
    void aSessionThatEnds() throws Exception {
        assertThat(status("/ending")).isEqualTo(200);
        assertThat(status("/ending")).isEqualTo(200);
        assertThat(watch.faults()).isEmpty();
    }

    @Test
    @DisplayName("an attribute that is nested too deep can't be serialised")
    void deeplyNested() throws Exception {
        assertThat(status("/keep?deep")).isEqualTo(200);
        assertThat(watch.faults()).extracting(Observed.Attribute::name).containsExactly("deep");
    }
}
