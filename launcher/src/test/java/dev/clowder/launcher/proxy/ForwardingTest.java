package dev.clowder.launcher.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.launcher.proxy.ProxySettings.HeaderFamily;
import dev.clowder.launcher.proxy.ProxySettings.ProxyVersion;
import io.netty.util.NetUtil;
import io.vertx.core.MultiMap;
import io.vertx.core.net.HostAndPort;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What a row of proxies does to the head of a request. */
class ForwardingTest {
    private static final InetSocketAddress CLIENT = new InetSocketAddress(address("192.0.2.1"), 50_000);
    private static final HostAndPort ASKED = HostAndPort.create("localhost", 8000);

    private final MultiMap head = MultiMap.caseInsensitiveMultiMap();

    @Test
    void oneProxyNamesItsPeerAndWhatWasAskedFor() {
        List<String> added = forwarding(Set.of(HeaderFamily.X_FORWARDED), List.of(), null, null, false)
                .apply(head, CLIENT, ASKED);
        assertThat(head.entries())
                .extracting(header -> header.getKey() + ": " + header.getValue())
                .containsExactly(
                        "X-Forwarded-For: 192.0.2.1",
                        "X-Forwarded-Proto: http",
                        "X-Forwarded-Host: localhost:8000",
                        "X-Forwarded-Port: 8000");
        assertThat(added)
                .containsExactly(
                        "+ X-Forwarded-For: 192.0.2.1",
                        "+ X-Forwarded-Proto: http",
                        "+ X-Forwarded-Host: localhost:8000",
                        "+ X-Forwarded-Port: 8000");
    }

    @Test
    void eachHopAddsItsPeerBehindAllLinesThatTheClientSent() {
        head.add("X-Forwarded-For", "one").add("x-forwarded-for", "two");
        Forwarding hops =
                forwarding(Set.of(HeaderFamily.X_FORWARDED), List.of("127.0.0.11", "::1"), "203.0.113.7", null, false);
        hops.apply(head, CLIENT, ASKED);
        assertThat(head.getAll("X-Forwarded-For")).containsExactly("one, two, 203.0.113.7, 127.0.0.11, ::1");
        assertThat(hops.lastPeer(CLIENT)).isEqualTo(new InetSocketAddress(address("::1"), 50_000));
        assertThat(hops.client(CLIENT)).isEqualTo(new InetSocketAddress(address("203.0.113.7"), 50_000));
    }

    @Test
    void whatWasAskedForIsSetByTheEdgeAndNotAppended() {
        head.add("X-Forwarded-Proto", "gopher").add("X-Forwarded-Host", "evil.example");
        forwarding(Set.of(HeaderFamily.X_FORWARDED), List.of(), null, "https://shop.example.com", false)
                .apply(head, CLIENT, ASKED);
        assertThat(head.getAll("X-Forwarded-Proto")).containsExactly("https");
        assertThat(head.getAll("X-Forwarded-Host")).containsExactly("shop.example.com");
        assertThat(head.getAll("X-Forwarded-Port")).containsExactly("443");
    }

    @Test
    void forwardedHasAnElementForEachHopWithIpv6InBracketsAndQuotes() {
        forwarding(
                        Set.of(HeaderFamily.FORWARDED),
                        List.of("127.0.0.11"),
                        "2001:db8::7",
                        "https://shop.example.com",
                        false)
                .apply(head, CLIENT, ASKED);
        assertThat(head.get("Forwarded"))
                .isEqualTo("for=\"[2001:db8::7]\";proto=https;host=\"shop.example.com\", for=127.0.0.11");
        assertThat(head.contains("X-Forwarded-For")).isFalse();
    }

    @Test
    void aRequestWithoutAGoodHostHasThatOfTheProxy() {
        forwarding(Set.of(HeaderFamily.X_FORWARDED), List.of(), null, null, false)
                .apply(head, CLIENT, null);
        assertThat(head.get("X-Forwarded-Host")).isEqualTo("127.0.0.1:8000");
    }

    @Test
    void aSpoofingClientSendsEveryHeaderBeforeTheProxiesTouchThem() {
        forwarding(Set.of(), List.of(), null, null, true).apply(head, CLIENT, ASKED);
        assertThat(head.names())
                .contains(
                        "Forwarded",
                        "X-Forwarded-For",
                        "X-Real-IP",
                        "CF-Connecting-IP",
                        "X_Forwarded_For",
                        "Client-Cert");
        String alone = head.get("X-Forwarded-For");
        head.clear();
        forwarding(Set.of(HeaderFamily.X_FORWARDED), List.of(), null, null, true)
                .apply(head, CLIENT, ASKED);
        assertThat(head.get("X-Forwarded-For")).isEqualTo(alone + ", 192.0.2.1");
        assertThat(head.get("X-Forwarded-Host")).isEqualTo("localhost:8000");
    }

    private static Forwarding forwarding(
            Set<HeaderFamily> headers, List<String> hops, String client, String publicUrl, boolean spoof) {
        return new Forwarding(new ProxySettings(
                new InetSocketAddress(address("127.0.0.1"), 8000),
                new InetSocketAddress(address("127.0.0.1"), 8080),
                headers,
                ProxyVersion.OFF,
                hops.stream().map(ForwardingTest::address).toList(),
                client == null ? null : address(client),
                publicUrl == null ? null : URI.create(publicUrl),
                spoof));
    }

    private static InetAddress address(String literal) {
        return NetUtil.createInetAddressFromIpAddressString(literal);
    }
}
