package dev.clowder.launcher.worker;

import static org.assertj.core.api.Assertions.assertThat;

import jakarta.servlet.Servlet;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.catalina.Context;
import org.apache.catalina.core.StandardWrapper;
import org.apache.catalina.startup.Tomcat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is left out at the start of an application, in a real Tomcat, and that pages work nevertheless. */
class ApplicationStartTest {
    private static final String PAGE = "<%= 6 * 7 %>";

    @TempDir
    private Path files;

    private final Tomcat tomcat = new Tomcat();
    private Path application;
    private Context context;

    @BeforeEach
    void anApplication() throws Exception {
        application = Files.createDirectories(files.resolve("application"));
        Files.createDirectories(application.resolve("WEB-INF/lib"));
        Files.writeString(application.resolve("index.html"), "plain");
        tomcat.setBaseDir(Files.createDirectories(files.resolve("base")).toString());
        Files.createDirectories(files.resolve("base/webapps"));
        tomcat.setPort(0);
        tomcat.getConnector().setProperty("address", "127.0.0.1");
    }

    private void start() throws Exception {
        context = tomcat.addWebapp("", application.toString());
        ApplicationStart.lighten(context);
        tomcat.start();
    }

    @AfterEach
    void stop() throws Exception {
        tomcat.stop();
        tomcat.destroy();
    }

    @Test
    void withoutPagesTheirCompilerIsNotStarted() throws Exception {
        start();
        assertThat(get("/index.html")).isEqualTo("plain");
        assertThat(isStarted()).isFalse();
    }

    @Test
    void nobodyMissesItUntilThenNorInTheEnd() throws Exception {
        try (LogEar ear = new LogEar(Logger.getLogger("org.apache.catalina.core"), Level.WARNING)) {
            start();
            // What Tomcat does every ten seconds.
            context.findChild("jsp").backgroundProcess();
            tomcat.stop();
            assertThat(ear.heard).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"page.jsp", "deep/er/PAGE.JSP", "page.jspx"})
    void withAPageItIsStartedWithTheApplication(String name) throws Exception {
        Path page = application.resolve(name);
        Files.createDirectories(page.getParent());
        Files.writeString(page, PAGE);
        start();
        assertThat(isStarted()).isTrue();
    }

    @Test
    void aPageIsServed() throws Exception {
        Files.writeString(application.resolve("page.jsp"), PAGE);
        start();
        assertThat(get("/page.jsp")).isEqualTo("42");
    }

    @Test
    void aPageInALibraryIsServedToo() throws Exception {
        try (ZipOutputStream library =
                new ZipOutputStream(Files.newOutputStream(application.resolve("WEB-INF/lib/pages.jar")))) {
            library.putNextEntry(new ZipEntry("META-INF/resources/inside.jsp"));
            library.write(PAGE.getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        }
        start();
        assertThat(isStarted()).as("before anybody asks for it").isFalse();
        assertThat(get("/inside.jsp")).isEqualTo("42");
    }

    @Test
    void aPageThatIsAddedLaterIsServedToo() throws Exception {
        start();
        Files.writeString(application.resolve("later.jsp"), PAGE);
        assertThat(get("/later.jsp")).isEqualTo("42");
    }

    @Test
    void theClassPathIsNotSearched() throws Exception {
        start();
        assertThat(context.getJarScanner())
                .hasFieldOrPropertyWithValue("scanClassPath", false)
                .hasFieldOrPropertyWithValue("scanManifest", true);
    }

    private boolean isStarted() {
        Servlet servlet = ((StandardWrapper) context.findChild("jsp")).getServlet();
        return servlet != null && servlet.getServletConfig() != null;
    }

    private String get(String path) throws IOException, InterruptedException {
        URI uri = URI.create("http://127.0.0.1:" + tomcat.getConnector().getLocalPort() + path);
        HttpResponse<String> answer = HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return answer.body().strip();
    }
}
