package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.Forwarded.Reason;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the result makes of the facts that it was given. */
class ForwardedTest {

    private static final String CLIENT = "203.0.113.7";
    private static final String PEER = "10.1.1.1";

    @ParameterizedTest
    @CsvSource({
        "http, 80, a.example",
        "https, 443, a.example",
        "http, 443, a.example:443",
        "https, 80, a.example:80",
        "http, 1, a.example:1",
        "http, 0, a.example",
        "http, -1, a.example"
    })
    void theHostNamesThePortUnlessItIsTheDefault(String protocol, int port, String host) {
        assertThat(forwarded(protocol, "a.example", port, null).getHost()).isEqualTo(host);
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            delimiter = '|',
            value = {
                "tobi.ferrets.example.com | ferrets,tobi",
                "example.com | -",
                "a.example.com | a",
                "localhost | -",
                "192.0.2.1 | -",
                "0.0.0.0 | -",
                "[2001:db8::1] | -",
                ".b.example.com | b"
            })
    void subdomainsAreReadFromTheRight(String hostname, @Nullable String subdomains) {
        List<String> wanted = subdomains == null ? List.of() : List.of(subdomains.split(",", -1));
        assertThat(forwarded("http", hostname, 80, null).getSubdomains()).isEqualTo(wanted);
    }

    @ParameterizedTest
    @CsvSource({"192.0.2.1", "0.0.0.0", "[2001:db8::1]"})
    void anAddressIsOneLabel(String hostname) {
        Forwarded all = new Forwarded(PEER, PEER, Reason.NO_HEADER, "http", false, hostname, 80, null, 0, 0, null);
        assertThat(all.getSubdomains()).containsExactly(hostname);
    }

    @Test
    void itIsAsReceivedIfNothingDiffersAndNothingCameFromAHeader() {
        Forwarded received = forwarded("http", "a.example", 80, null);
        assertThat(received.fromHeader()).isFalse();
        assertThat(received.getIps()).isEmpty();
        assertThat(received.isAsReceived(PEER, Reason.NO_HEADER, "http", false, "a.example", 80))
                .isTrue();
        assertThat(received.isAsReceived(CLIENT, Reason.NO_HEADER, "http", false, "a.example", 80))
                .isFalse();
        assertThat(received.isAsReceived(PEER, Reason.UNTRUSTED_PEER, "http", false, "a.example", 80))
                .isFalse();
        assertThat(received.isAsReceived(PEER, Reason.NO_HEADER, "https", false, "a.example", 80))
                .isFalse();
        assertThat(received.isAsReceived(PEER, Reason.NO_HEADER, "http", true, "a.example", 80))
                .isFalse();
        assertThat(received.isAsReceived(PEER, Reason.NO_HEADER, "http", false, "b.example", 80))
                .isFalse();
        assertThat(received.isAsReceived(PEER, Reason.NO_HEADER, "http", false, "a.example", 81))
                .isFalse();

        Forwarded told = forwarded("http", "a.example", 80, new long[0]);
        assertThat(told.fromHeader()).isTrue();
        assertThat(told.getIps()).containsExactly(PEER);
        assertThat(told.isAsReceived(PEER, Reason.NO_HEADER, "http", false, "a.example", 80))
                .isFalse();
    }

    @Test
    void theClientComesBeforeTheProxiesThatSpokeForIt() {
        long mapped = 0xffffL << 32;
        Forwarded told =
                forwarded("http", "a.example", 80, new long[] {0, mapped | 0x0a000001, 0, mapped | 0x0a000002});
        assertThat(told.getIps()).containsExactly(PEER, "10.0.0.2", "10.0.0.1");
    }

    private static Forwarded forwarded(String protocol, String hostname, int port, long @Nullable [] proxies) {
        return new Forwarded(PEER, PEER, Reason.NO_HEADER, protocol, false, hostname, port, null, 0, 2, proxies);
    }
}
