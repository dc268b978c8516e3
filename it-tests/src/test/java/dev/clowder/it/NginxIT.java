package dev.clowder.it;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.RealProxy;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;

/** nginx in front: with headers over HTTP, and with the PROXY protocol from its stream module. */
@Tag("slow")
@Tag("once")
class NginxIT extends BehindProxyContract {
    private RealProxy nginx;

    @Override
    void start() throws Exception {
        ClowderProcess plain = cluster();
        ClowderProcess proxied = cluster("--proxy-protocol", "required");
        nginx = nginx(plain, proxied);
    }

    @Override
    Stream<Route> routes() {
        return Stream.of(
                new Route("X-Forwarded-*", nginx.port("edge"), Kind.HEADERS),
                new Route("stream, proxy_protocol", nginx.port("stream"), Kind.PROXY_PROTOCOL));
    }
}
