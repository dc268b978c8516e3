package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.it.app.ExpiredServlet;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where nothing goes wrong nobody complains: who reads a log for errors must not find any that mean nothing. */
class QuietLogIT {
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final Pattern COMPLAINT = Pattern.compile(" (SEVERE|WARNING) |Exception|\\bat [\\w.$]+\\(");

    /** Its background thread, which is Tomcat's own every 10 s, comes every second and looks at sessions each time. */
    private static final String CONTEXT_XML =
            "<Context backgroundProcessorDelay='1'><Manager processExpiresFrequency='1'/></Context>";

    @TempDir
    private Path files;

    private Path application(String name, boolean withPage) {
        WebArchive archive = ShrinkWrap.create(WebArchive.class, name)
                .addClass(ExpiredServlet.class)
                .addAsManifestResource(new StringAsset(CONTEXT_XML), "context.xml");
        if (withPage) {
            archive.addAsWebResource(new StringAsset("<%@ page session=\"false\" %>page"), "page.jsp");
        }
        return Apps.write(archive, files);
    }

    @Test
    @DisplayName("no error and no warning is written from the start to the stop, with pages or without")
    void nothingIsWrongSoNothingIsSaid() throws Exception {
        // One worker: whoever asks how far its background thread has come must not keep a session alive by that.
        try (ClowderProcess cluster = ClowderProcess.builder()
                .root(files)
                .workers(1)
                .application("/plain", application("plain.war", false))
                .application("/pages", application("pages.war", true))
                .start()) {
            cluster.awaitReady(SOON);
            use(cluster);
            cluster.reload();
            use(cluster);
            cluster.terminate();
            assertThat(cluster.awaitExit(SOON)).isZero();
            assertThat(cluster.output().lines().filter(COMPLAINT.asPredicate())).isEmpty();
            assertThat(cluster.output()).contains("worker 1", "stopped");
        }
    }

    private static void use(ClowderProcess cluster) throws IOException {
        int port = cluster.port();
        assertThat(HttpConnection.fresh(port, "/pages/page.jsp").body()).isEqualTo("page");
        assertThat(HttpConnection.fresh(port, "/plain/missing").status()).isEqualTo(404);
        assertThat(HttpConnection.fresh(port, "/plain/page.jsp").status()).isEqualTo(404);
        for (String application : List.of("/plain", "/pages")) {
            // Before the second is gone the thread has been everywhere in the application.
            awaitAnExpiry(port, application);
            awaitAnExpiry(port, application);
        }
    }

    /** Returns when the background thread of a worker has been at the sessions of the application. */
    private static void awaitAnExpiry(int port, String application) throws IOException {
        int before = expired(port, application + "/expired?begin");
        await("the end of a session").atMost(SOON).until(() -> expired(port, application + "/expired") > before);
    }

    private static int expired(int port, String path) throws IOException {
        return Integer.parseInt(HttpConnection.fresh(port, path).body());
    }
}
