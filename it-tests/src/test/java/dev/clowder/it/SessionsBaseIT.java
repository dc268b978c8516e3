package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.HttpConnection.Response;
import dev.clowder.it.HttpConnection.Worker;
import dev.clowder.it.app.CountServlet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An installed Tomcat over plain HTTP, with an application whose sessions are in every worker and one whose are not. */
@Tag("slow")
class SessionsBaseIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final String COUNTER = "/shop/counter";
    private static final String COUNT = "/plain/count";

    @TempDir
    private Path files;

    /**
     * {@code CATALINA_BASE} with nothing in {@code webapps}.
     *
     * @param home {@code CATALINA_HOME}
     */
    static Path base(Path files, Path home) throws IOException {
        Path base = files.resolve("base");
        Path conf = Files.createDirectories(base.resolve("conf"));
        for (String file : List.of("web.xml", "catalina.properties", "logging.properties", "context.xml")) {
            Files.copy(home.resolve("conf").resolve(file), conf.resolve(file));
        }
        Files.createDirectories(base.resolve("webapps"));
        Files.writeString(conf.resolve("server.xml"), """
                <Server port="-1">
                  <Service name="Catalina">
                    <Connector port="0"/>
                    <Engine name="Catalina" defaultHost="localhost"><Host name="localhost" appBase="webapps"/></Engine>
                  </Service>
                </Server>
                """);
        return base;
    }

    @ParameterizedTest
    @CsvSource({"tomcat.10, auto", "tomcat.11, auto", "tomcat.11, replicated"})
    @DisplayName(
            "any worker counts in any session of a <distributable/> application, and kill -9 and a reload lose none;"
                    + " sessions of another one stay in their slot")
    void bothKinds(String line, String mode) throws Exception {
        Path home = Path.of(System.getProperty(line));
        Path base = base(files, home);
        WebArchive shop = Apps.counter("shop.war")
                .setWebXML(new StringAsset("<web-app xmlns=\"https://jakarta.ee/xml/ns/jakartaee\" version=\"6.0\">"
                        + "<distributable/></web-app>"));
        Apps.write(shop, base.resolve("webapps"));
        Apps.write(
                ShrinkWrap.create(WebArchive.class, "plain.war").addClass(CountServlet.class), base.resolve("webapps"));
        try (ClowderProcess cluster = ClowderProcess.builder()
                .root(files)
                .catalinaBase(base)
                .arguments("--catalina-home", home.toString(), "--sessions", mode)
                .arguments("--oversubscribe", "--boot-timeout", "240s")
                .start()) {
            cluster.awaitReady(SOON);
            int port = cluster.port();
            SessionUser everywhere = new SessionUser(port);
            int counted = countEverywhere(everywhere, 0);
            boolean sticky = mode.equals("auto");
            List<SessionUser> users = sticky
                    ? List.of(SessionUser.in(1, port, COUNT), SessionUser.in(2, port, COUNT))
                    : List.of(begun(port), begun(port));
            count(users, 2, sticky);
            try (CountingUsers load = CountingUsers.start(List.of(port), COUNTER, 8, 10, 4, 1500)) {
                await("users count").atMost(SOON).until(() -> load.answers() > 300);
                ProcessHandle.of(cluster.status().worker(1).pid()).orElseThrow().destroyForcibly();
                load.await();
                assertThat(load.wrong()).isEmpty();
                assertThat(load.lost()).as("sessions that began again").isZero();
            }
            cluster.awaitReady(SOON);
            counted = countEverywhere(everywhere, counted);
            assertThat(users.get(0).get(COUNT).body()).isEqualTo(sticky ? "1" : "7");
            assertThat(users.get(1).get(COUNT).body()).isEqualTo("7");

            Launcher.Result reload = cluster.command(SOON, "reload");
            assertThat(reload.exitCode()).as(reload.errors()).isZero();
            countEverywhere(everywhere, counted);
            count(users.subList(1, 2), 8, sticky);
        }
    }

    private static SessionUser begun(int port) throws IOException {
        SessionUser user = new SessionUser(port);
        user.get(COUNT);
        return user;
    }

    /** Each time over a connection of its own. */
    private static void count(List<SessionUser> users, int from, boolean sticky) throws IOException {
        for (int count = from; count < from + 5; count++) {
            for (SessionUser user : users) {
                Response response = user.get(COUNT);
                assertThat(response.body()).isEqualTo(String.valueOf(count));
                if (sticky) {
                    assertThat(response.worker().slot()).isEqualTo(user.slot());
                }
            }
        }
    }

    /**
     * One session, until each worker has changed it behind the other one.
     *
     * @param before how often it was counted already
     * @return the same afterwards
     */
    private static int countEverywhere(SessionUser user, int before) throws IOException {
        Set<Integer> slots = new HashSet<>();
        Worker last = null;
        int count = before;
        while (count < before + 200 && slots.size() < 2) {
            count++;
            Response response = user.get(COUNTER);
            assertThat(response.body()).isEqualTo(String.valueOf(count));
            Worker worker = response.worker();
            if (last != null && !last.equals(worker)) {
                slots.add(worker.slot());
            }
            last = worker;
        }
        assertThat(slots).as("slots that went on where another one was").containsExactlyInAnyOrder(1, 2);
        return count;
    }
}
