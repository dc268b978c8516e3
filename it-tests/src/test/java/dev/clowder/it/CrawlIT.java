package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.it.HttpConnection.Response;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The way in and out: one unpacked distribution with all its applications, served by {@code catalina.sh run}, then by
 * {@code clowder run --catalina-base}, then by {@code catalina.sh run} again. Every page and every example is compared.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "bin/catalina.sh needs a shell")
@Tag("slow")
class CrawlIT {
    private static final Duration SOON = Duration.ofMinutes(5);

    /** Fewer would say that the crawl got lost. */
    private static final int MANY = 300;

    private static final String USER = "tomcat:secret";
    private static final String USERS = """
            <tomcat-users>
              <user username="tomcat" password="secret" roles="manager-gui,manager-script,manager-status,admin-gui"/>
            </tomcat-users>
            """;

    /** An application that asks the realm of server.xml, and with it tomcat-users.xml. */
    private static final String GUARDED = """
            <web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">
              <security-constraint>
                <web-resource-collection>
                  <web-resource-name>all</web-resource-name>
                  <url-pattern>/*</url-pattern>
                </web-resource-collection>
                <auth-constraint><role-name>manager-status</role-name></auth-constraint>
              </security-constraint>
              <login-config><auth-method>BASIC</auth-method></login-config>
              <security-role><role-name>manager-status</role-name></security-role>
            </web-app>
            """;

    /**
     * All that may differ, as docs/existing-tomcat.md lists it.
     *
     * @param pages whose
     * @param ours what Clowder answers there, whatever Tomcat does
     */
    private record Difference(Pattern pages, Predicate<Response> ours) {}

    private static final Difference MANAGERS = new Difference(
            Pattern.compile("/(host-)?manager(/.*)?"),
            page -> page.status() == 403 && page.body().contains("one worker only"));

    private static final List<Difference> DIFFERENCES = List.of(MANAGERS);

    @TempDir
    private Path files;

    @ParameterizedTest
    @ValueSource(strings = {"tomcat.10", "tomcat.11"})
    @DisplayName("every page of the distribution is the same as by catalina.sh run, but for what is listed;"
            + " afterwards catalina.sh run serves what it served before")
    void everyPageIsTheSame(String line) throws Exception {
        Path base = base(Path.of(System.getProperty(line)));
        SortedSet<String> first = Crawl.filesOf(base.resolve("webapps"));
        first.addAll(List.of("/manager/text/list", "/manager/status", "/host-manager/text/list"));
        Map<String, Response> stock = byCatalina(base, first);
        assertThat(stock.size()).as("pages").isGreaterThan(MANY);
        assertThat(stock.values().stream().filter(page -> page.status() == 200).count())
                .as("pages with status 200")
                .isGreaterThan(MANY);
        assertThat(stock.get("/manager/text/list").body()).contains("OK - Listed applications");

        Map<String, Response> ours = byClowder(base, first);
        assertThat(ours.keySet()).isEqualTo(stock.keySet());
        assertThat(ours.get("/guarded/").body()).isEqualTo("tomcat is let in");
        for (String path : differing(stock, ours)) {
            Difference listed = listed(path);
            assertThat(ours.get(path)).as(path).satisfies(answer -> {
                if (listed == null || !listed.ours().test(answer)) {
                    assertThat(answer).isEqualTo(stock.get(path));
                }
            });
        }
        for (Difference difference : DIFFERENCES) {
            assertThat(differing(stock, ours)).anyMatch(difference.pages().asMatchPredicate());
        }

        Map<String, Response> back = byCatalina(base, first);
        assertThat(back.keySet()).isEqualTo(stock.keySet());
        assertThat(differing(stock, back))
                .filteredOn(path -> listed(path) == null)
                .isEmpty();
    }

    private static SortedSet<String> differing(Map<String, Response> some, Map<String, Response> others) {
        SortedSet<String> paths = new TreeSet<>();
        some.forEach((path, page) -> {
            if (!page.equals(others.get(path))) {
                paths.add(path);
            }
        });
        return paths;
    }

    private static @Nullable Difference listed(String path) {
        return DIFFERENCES.stream()
                .filter(difference -> difference.pages().matcher(path).matches())
                .findFirst()
                .orElse(null);
    }

    private Map<String, Response> byCatalina(Path base, SortedSet<String> first) throws Exception {
        int port = Foreground.freePort();
        List<String> command = List.of(
                "env",
                "CATALINA_HOME=" + base,
                "CATALINA_BASE=" + base,
                "JAVA_HOME=" + System.getProperty("java.home"),
                "CATALINA_OPTS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dtest.port=" + port,
                "sh",
                base.resolve("bin/catalina.sh").toString(),
                "run");
        try (Foreground catalina = Foreground.start(files, command)) {
            await("its start").atMost(SOON).until(() -> catalina.output().contains("Server startup in"));
            return crawl(port, first);
        }
    }

    private Map<String, Response> byClowder(Path base, SortedSet<String> first) throws Exception {
        try (ClowderProcess cluster = ClowderProcess.builder()
                .root(files)
                .catalinaBase(base)
                .arguments("--boot-timeout", "4m")
                .start()) {
            cluster.awaitReady(SOON);
            return crawl(cluster.port(), first);
        }
    }

    /** Links of the managers are actions, and each has another number. */
    private static Map<String, Response> crawl(int port, SortedSet<String> first) throws IOException {
        return Crawl.of(port, USER, first, MANAGERS.pages().asMatchPredicate());
    }

    /** The whole distribution, with a free port and a user. */
    private Path base(Path distribution) throws IOException {
        Path base = files.resolve("base");
        try (Stream<Path> all = Files.walk(distribution)) {
            for (Path file : all.toList()) {
                Files.copy(
                        file,
                        base.resolve(distribution.relativize(file).toString()),
                        StandardCopyOption.COPY_ATTRIBUTES,
                        StandardCopyOption.REPLACE_EXISTING);
            }
        }
        Path serverXml = base.resolve("conf/server.xml");
        String xml = Files.readString(serverXml);
        assertThat(xml).contains("port=\"8080\"", "port=\"8005\"");
        Files.writeString(
                serverXml,
                xml.replace("port=\"8080\"", "address=\"127.0.0.1\" port=\"${test.port:-0}\"")
                        .replace("port=\"8005\"", "port=\"-1\""));
        Files.writeString(base.resolve("conf/tomcat-users.xml"), USERS);
        Path guarded = base.resolve("webapps/guarded");
        Files.writeString(Files.createDirectories(guarded.resolve("WEB-INF")).resolve("web.xml"), GUARDED);
        Files.writeString(guarded.resolve("index.jsp"), "<%= request.getRemoteUser() %> is let in");
        return base;
    }
}
