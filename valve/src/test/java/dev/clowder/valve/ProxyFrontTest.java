package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.LiveServer.Level;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.catalina.Valve;
import org.apache.coyote.Adapter;
import org.junit.jupiter.api.Test;

/** What a protocol keeps before every other adapter stays there, once, while the valve comes and goes behind it. */
class ProxyFrontTest {

    private static final String CLIENT = "X-Forwarded-For: 203.0.113.7";

    private static final class Counting extends ProxyHttp11NioProtocol {
        final AtomicInteger requests = new AtomicInteger();

        @Override
        protected Adapter front(Adapter adapter) {
            return (Adapter) Proxy.newProxyInstance(
                    getClass().getClassLoader(), new Class<?>[] {Adapter.class}, (proxy, method, arguments) -> {
                        if (method.getName().equals("service")) {
                            requests.incrementAndGet();
                        }
                        return method.invoke(adapter, arguments);
                    });
        }
    }

    @Test
    void eachRequestPassesItOnceWithAndWithoutTheValve() throws Exception {
        Counting protocol = new Counting();
        Valve valve = valve("trust", "loopback");
        try (LiveServer server = LiveServer.over(protocol)) {
            server.add(Level.ENGINE, valve);
            server.start();
            try (RawClient client = new RawClient("127.0.0.1", server.port())) {
                assertThat(client.get("/", CLIENT).seen("remoteAddr")).isEqualTo("203.0.113.7");
            }
            assertThat(protocol.requests).hasValue(1);
            server.tomcat.getEngine().getPipeline().removeValve(valve);
            try (RawClient client = new RawClient("127.0.0.1", server.port())) {
                assertThat(client.get("/", CLIENT).seen("remoteAddr")).isEqualTo("127.0.0.1");
            }
            assertThat(protocol.requests).hasValue(2);
            assertThat(protocol.judged()).as("the valve is gone").isInstanceOf(ProxyAdapter.class);
        }
    }
}
