package dev.clowder.valve;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.clowder.valve.ProxyHeaderParser.Done;
import dev.clowder.valve.ProxyHeaderParser.Malformed;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ProxyHeaderWriterTest {
    private static final long SEED = 20261122;

    @Test
    void randomAddressesAndPortsSurviveTheRoundTripInBothVersions() {
        Random random = new Random(SEED);
        for (int round = 0; round < 5_000; round++) {
            InetSocketAddress source = endpoint(random, true);
            InetSocketAddress destination = endpoint(random, false);
            for (byte[] bytes : List.of(
                    ProxyHeaderWriter.v1(source, destination),
                    ProxyHeaderWriter.v2(source, destination),
                    ProxyHeaderWriter.withChecksum(ProxyHeaderWriter.v2(source, destination)))) {
                ProxyHeader.Inet read = (ProxyHeader.Inet) read(bytes);
                assertThat(read.source()).isEqualTo(source);
                assertThat(read.destination()).isEqualTo(destination);
            }
        }
    }

    @Test
    void randomTlvsSurviveTheRoundTrip() {
        Random random = new Random(SEED);
        for (int round = 0; round < 1_000; round++) {
            List<ProxyTlv> tlvs = new ArrayList<>();
            for (int count = random.nextInt(6); count > 0; count--) {
                // Custom types, which have no form of their own to keep.
                tlvs.add(new ProxyTlv(0xe0 + random.nextInt(16), randomBytes(random, random.nextInt(400))));
            }
            byte[] bytes = ProxyHeaderWriter.v2(
                    endpoint(random, true), endpoint(random, false), tlvs.toArray(ProxyTlv[]::new));
            assertThat(read(bytes).tlvs()).isEqualTo(tlvs);
            List<ProxyTlv> summed = read(ProxyHeaderWriter.withChecksum(bytes)).tlvs();
            assertThat(summed.subList(0, tlvs.size())).isEqualTo(tlvs);
            assertThat(summed.get(tlvs.size()).getType()).isEqualTo(ProxyTlv.CRC32C);
        }
    }

    @Test
    void everyFlippedBitOfASummedHeaderIsNoticed() {
        byte[] header = ProxyHeaderWriter.withChecksum(ProxyHeaderWriter.v2(
                new InetSocketAddress("192.0.2.1", 123),
                new InetSocketAddress("192.0.2.2", 443),
                new ProxyTlv(ProxyTlv.AUTHORITY, "example.org".getBytes(US_ASCII))));
        int addressesAndTlvs = 16;
        // The type byte of the checksum itself decides whether there is one.
        int checksumType = header.length - 7;
        for (int bit = addressesAndTlvs * 8; bit < header.length * 8; bit++) {
            byte[] flipped = header.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            if (bit / 8 != checksumType) {
                assertThat(ProxyHeaderParser.parse(ByteBuffer.wrap(flipped)))
                        .as("bit %d", bit)
                        .isInstanceOf(Malformed.class);
            }
        }
    }

    @Test
    void theChecksumIsTheOneOfOtherImplementations() {
        byte[] summed = ProxyHeaderWriter.withChecksum(
                ProxyHeaderWriter.v2(new InetSocketAddress("192.0.2.1", 123), new InetSocketAddress("192.0.2.2", 443)));
        assertThat(HexFormat.of().formatHex(summed))
                .isEqualTo("0d0a0d0a000d0a515549540a21110013c0000201c0000202007b01bb03000476167533");
    }

    @Test
    void bothVersionsLookAsTheSpecificationShows() {
        InetSocketAddress source = new InetSocketAddress("192.168.0.1", 56324);
        InetSocketAddress destination = new InetSocketAddress("192.168.0.11", 443);
        assertThat(new String(ProxyHeaderWriter.v1(source, destination), US_ASCII))
                .isEqualTo("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
        assertThat(HexFormat.of().formatHex(ProxyHeaderWriter.v2(source, destination)))
                .isEqualTo("0d0a0d0a000d0a515549540a2111000cc0a80001c0a8000bdc0401bb");
    }

    @Test
    void twoFamiliesMeetInIpv6() {
        InetSocketAddress source = new InetSocketAddress("192.0.2.1", 123);
        InetSocketAddress destination = new InetSocketAddress("2001:db8::2", 443);
        assertThat(new String(ProxyHeaderWriter.v1(source, destination), US_ASCII))
                .isEqualTo("PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 123 443\r\n");
        ProxyHeader.Inet read = (ProxyHeader.Inet) read(ProxyHeaderWriter.v2(source, destination));
        assertThat(read.family()).isEqualTo(ProxyHeader.Family.TCP6);
        assertThat(read.source()).isEqualTo(source);
    }

    @Test
    void headersWithoutAClientAreReadAsSuch() {
        assertThat(read(ProxyHeaderWriter.local())).isEqualTo(new ProxyHeader.Local(ProxyHeader.Family.UNSPEC));
        assertThat(read(ProxyHeaderWriter.v2Unspec())).isInstanceOf(ProxyHeader.Unknown.class);
        assertThat(read(ProxyHeaderWriter.v1Unknown())).isInstanceOf(ProxyHeader.Unknown.class);
    }

    @Test
    void pathsOfUnixSocketsSurviveUpToTheirFullLength() {
        String longest = "/" + "x".repeat(107);
        assertThat(read(ProxyHeaderWriter.v2Unix(longest, ""))).isEqualTo(new ProxyHeader.Unix(longest, "", List.of()));
        assertThatIllegalArgumentException().isThrownBy(() -> ProxyHeaderWriter.v2Unix(longest + "x", ""));
    }

    @Test
    void theTlsOfTheClientSurvives() {
        ProxyTlv ssl = ProxyHeaderWriter.ssl(
                7,
                0,
                new ProxyTlv(ProxyTlv.SSL_VERSION, "TLSv1.3".getBytes(US_ASCII)),
                new ProxyTlv(ProxyTlv.SSL_COMMON_NAME, "client".getBytes(US_ASCII)),
                new ProxyTlv(ProxyTlv.SSL_CIPHER, "TLS_AES_128_GCM_SHA256".getBytes(US_ASCII)));
        ProxyProtocol proxied = new ProxyProtocol(
                read(ProxyHeaderWriter.v2(
                        new InetSocketAddress("192.0.2.1", 1), new InetSocketAddress("192.0.2.2", 2), ssl)),
                new byte[0]);
        assertThat(proxied.getSsl())
                .extracting(
                        ProxyProtocol.Ssl::getVersion,
                        ProxyProtocol.Ssl::getCommonName,
                        ProxyProtocol.Ssl::getCipher,
                        ProxyProtocol.Ssl::isVerified)
                .containsExactly("TLSv1.3", "client", "TLS_AES_128_GCM_SHA256", true);
    }

    /** Numbers that mean a checksum, padding or an id of the connection outside mean something else there, if anything. */
    @Test
    void fieldsOfTheTlsAreNotThoseOfTheHeader() {
        ProxyTlv[] fields = {
            new ProxyTlv(ProxyTlv.CRC32C, new byte[1]),
            new ProxyTlv(ProxyTlv.NOOP, new byte[2]),
            new ProxyTlv(ProxyTlv.UNIQUE_ID, new byte[129]),
            new ProxyTlv(ProxyTlv.SSL_VERSION, "TLSv1.3".getBytes(US_ASCII))
        };
        InetSocketAddress any = new InetSocketAddress("192.0.2.1", 1);
        byte[] header = ProxyHeaderWriter.v2(any, any, ProxyHeaderWriter.ssl(1, 0, fields));

        ProxyProtocol.Ssl ssl = new ProxyProtocol(read(header), header).getSsl();

        assertThat(ssl).isNotNull();
        assertThat(ssl.getTlvs()).containsExactly(fields);
        assertThat(ssl.getVersion()).isEqualTo("TLSv1.3");
    }

    @Test
    void certificatesCountOnlyWhenSentAndVerifiedAndTlsOnlyWhenUsed() {
        assertThat(ssl(1, 0).isVerified()).isFalse();
        assertThat(ssl(3, 1).isVerified()).isFalse();
        assertThat(ssl(3, 0).isVerified()).isTrue();
        assertThat(ssl(5, 0).isVerified()).isTrue();
        assertThat(ssl(0, 0)).isNull();
        assertThat(ssl(6, 0)).isNull();
    }

    @Test
    void aHeaderLongerThanReceiversTakeIsNotWritten() {
        InetSocketAddress any = new InetSocketAddress("192.0.2.1", 1);
        int room = 4096 - 28 - 3;
        byte[] full = ProxyHeaderWriter.v2(any, any, new ProxyTlv(0xe0, new byte[room]));
        assertThat(read(full)).isInstanceOf(ProxyHeader.Inet.class);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ProxyHeaderWriter.v2(any, any, new ProxyTlv(0xe0, new byte[room + 1])));
        assertThatIllegalArgumentException().isThrownBy(() -> ProxyHeaderWriter.withChecksum(full));
        assertThatIllegalArgumentException().isThrownBy(() -> ProxyHeaderWriter.withChecksum(Arrays.copyOf(full, 100)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ProxyHeaderWriter.v2(any, InetSocketAddress.createUnresolved("example.org", 1)));
    }

    private static ProxyProtocol.Ssl ssl(int client, int verify) {
        InetSocketAddress any = new InetSocketAddress("192.0.2.1", 1);
        return new ProxyProtocol(
                        read(ProxyHeaderWriter.v2(any, any, ProxyHeaderWriter.ssl(client, verify))), new byte[0])
                .getSsl();
    }

    private static ProxyHeader read(byte[] bytes) {
        Done done = (Done) ProxyHeaderParser.parse(ByteBuffer.wrap(bytes));
        assertThat(done.length()).isEqualTo(bytes.length);
        return done.header();
    }

    private static InetSocketAddress endpoint(Random random, boolean source) {
        byte[] address = randomBytes(random, random.nextBoolean() ? 4 : 16);
        if (address.length == 16 && random.nextBoolean()) {
            // Runs of zeroes are where the text of IPv6 is difficult.
            int from = random.nextInt(16);
            Arrays.fill(address, from, from + random.nextInt(17 - from), (byte) 0);
        }
        if (source) {
            // Neither unspecified nor multicast.
            address[0] = (byte) (1 + random.nextInt(126));
        }
        InetAddress host = ProxyAddress.of(address);
        return new InetSocketAddress(host, random.nextInt(65536));
    }

    private static byte[] randomBytes(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }
}
