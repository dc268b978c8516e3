package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.LiveServer.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the application is asked for: virtual host, redirects, cookies, context path. 127.0.0.1 is a trusted proxy. */
class ForwardedTargetTest {

    private static final String PROXY = "127.0.0.1";

    @Test
    void theForwardedHostChoosesTheVirtualHost() throws Exception {
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve("trust", PROXY));
                RawClient client = new RawClient(PROXY, server.port())) {
            assertThat(client.get("/", "X-Forwarded-Host: shop.example").seen("application"))
                    .isEqualTo("shop.example");
            assertThat(client.get("/app/", "X-Forwarded-Host: shop.example").seen("application"))
                    .isEqualTo("shop.example/app");
            assertThat(client.get("/").seen("application")).isEqualTo("app.internal");
        }
    }

    @Test
    void aSessionCookieIsSecureBehindAProxyWithTls() throws Exception {
        try (LiveServer server = LiveServer.with(Level.ENGINE, valve("trust", PROXY));
                RawClient client = new RawClient(PROXY, server.port())) {
            assertThat(client.get("/session", "X-Forwarded-Proto: https")
                            .headers()
                            .get("set-cookie"))
                    .contains("; Secure");
            assertThat(client.get("/session").headers().get("set-cookie")).doesNotContain("Secure");
        }
    }

    @Test
    void redirectsCarryTheOutsideSchemeHostAndPort() throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve("trust", PROXY));
        for (String path : new String[] {"", "/app"}) {
            ((org.apache.catalina.Context)
                            server.tomcat.getEngine().findChild("app.internal").findChild(path))
                    .setUseRelativeRedirects(false);
        }
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            String[] outside = {"X-Forwarded-Proto: https", "X-Forwarded-Host: app.internal:8443"};
            assertThat(client.get("/redirect", outside).headers())
                    .containsEntry("location", "https://app.internal:8443/there");
            // The redirect to the root of a context is made before any valve runs.
            assertThat(client.get("/app", outside).headers())
                    .containsEntry("location", "https://app.internal:8443/app/");
        }
    }

    @ParameterizedTest
    @EnumSource(Level.class)
    void thePrefixTakesThePlaceOfTheContextPathInEveryDispatch(Level level) throws Exception {
        ForwardedValve valve = valve("trust", PROXY, "prefix", "true");
        LiveServer server = new LiveServer();
        if (level == Level.CONTEXT) {
            server.tomcat
                    .getEngine()
                    .findChild("app.internal")
                    .findChild("/app")
                    .getPipeline()
                    .addValve(valve);
        } else {
            server.add(level, valve);
        }
        server.start();
        try (server;
                RawClient client = new RawClient(PROXY, server.port())) {
            String prefix = "X-Forwarded-Prefix: /out";
            assertThat(client.get("/app/a%20b", prefix).seen("uri")).isEqualTo("/out/a%20b");
            assertThat(client.get("/app/x", prefix).seen("contextPath")).isEqualTo("/out");
            assertThat(client.get("/app/x", prefix).seen("url")).isEqualTo("http://app.internal:8080/out/x");
            assertThat(client.get("/app/forward", prefix).seen("uri")).isEqualTo("/out/forwarded-to");
            assertThat(client.get("/app/error", prefix).seen("uri")).isEqualTo("/out/error-page");
            assertThat(client.get("/app/async", prefix).seen("uri")).isEqualTo("/out/dispatched-to");
            assertThat(client.get("/app/redirect", prefix).headers()).containsEntry("location", "/out/there");
            assertThat(client.get("/app/x").seen("uri")).isEqualTo("/app/x");
        }
    }
}
