package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.clowder.valve.ProxyHeaderParser.Done;
import dev.clowder.valve.ProxyHeaderParser.Malformed;
import dev.clowder.valve.ProxyHeaderParser.NeedMore;
import dev.clowder.valve.ProxyHeaderParser.Outcome;
import dev.clowder.valve.ProxyVectors.Vector;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProxyHeaderParserTest {
    private static final HexFormat HEX = HexFormat.of();
    private static final String V2_SIGNATURE = "0d0a0d0a000d0a515549540a";

    @ParameterizedTest
    @MethodSource("dev.clowder.valve.ProxyVectors#accepted")
    void everyAcceptedVectorSaysWhatIsExpected(Vector vector) {
        Done done = done(parse(vector.header()));
        JsonNode expect = vector.expect();
        ProxyProtocol proxied = new ProxyProtocol(done.header(), new byte[0]);
        // The second line of a doubled header belongs to HTTP.
        assertThat(done.length()).isEqualTo(vector.toString().equals("pp-v1-double") ? 41 : vector.header().length);
        assertThat(proxied.getVersion()).isEqualTo(expect.get("version").asInt());
        assertThat(proxied.isLocal()).isEqualTo(expect.get("command").asText().equals("LOCAL"));
        assertThat(proxied.getFamily()).isEqualTo(expect.get("family").asText());
        assertThat(proxied.isAnonymous()).isEqualTo(expect.path("useSocket").asBoolean());
        expectText(expect, "source", proxied.getSource());
        expectText(expect, "destination", proxied.getDestination());
        expectText(expect, "authority", proxied.getAuthority());
        expectText(expect, "alpn", proxied.getAlpn());
        expectText(expect, "uniqueId", proxied.getUniqueId());
        if (expect.has("sourcePort")) {
            assertThat(proxied.getSourcePort())
                    .isEqualTo(expect.get("sourcePort").asInt());
            assertThat(proxied.getDestinationPort())
                    .isEqualTo(expect.get("destinationPort").asInt());
        }
        if (expect.has("tlvs")) {
            List<String> tlvs = StreamSupport.stream(expect.get("tlvs").spliterator(), false)
                    .map(tlv -> tlv.get("type").asText() + "=" + tlv.get("hex").asText())
                    .toList();
            assertThat(proxied.getTlvs()).extracting(ProxyTlv::toString).isEqualTo(tlvs);
        }
        if (expect.has("ssl")) {
            ProxyProtocol.Ssl ssl = proxied.getSsl();
            assertThat(ssl).isNotNull();
            expectText(expect.get("ssl"), "version", ssl.getVersion());
            expectText(expect.get("ssl"), "commonName", ssl.getCommonName());
            if (expect.get("ssl").has("verified")) {
                assertThat(ssl.isVerified())
                        .isEqualTo(expect.get("ssl").get("verified").asBoolean());
            }
        }
    }

    private static void expectText(JsonNode expect, String name, String actual) {
        if (expect.has(name)) {
            assertThat(actual).as(name).isEqualTo(expect.get(name).textValue());
        }
    }

    @ParameterizedTest
    @MethodSource("dev.clowder.valve.ProxyVectors#refused")
    void everyRefusedVectorIsMalformedAtOnceOrNeverComplete(Vector vector) {
        Outcome outcome = parse(vector.header());
        if (vector.expect().get("closed").asText().equals("now")) {
            assertThat(outcome).isInstanceOf(Malformed.class);
        } else {
            assertThat(outcome).isNotInstanceOf(Done.class);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.clowder.valve.ProxyVectors#accepted")
    void everyAcceptedVectorWaitsForMoreWhereverItIsCut(Vector vector) {
        byte[] header = vector.header();
        int length = done(parse(header)).length();
        for (int cut = 0; cut < length; cut++) {
            Outcome outcome = parse(Arrays.copyOf(header, cut));
            assertThat(outcome).as("cut at %d", cut).isInstanceOf(NeedMore.class);
            int missing = ((NeedMore) outcome).atLeast();
            assertThat(missing).as("cut at %d", cut).isBetween(1, length - cut);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.clowder.valve.ProxyVectors#accepted")
    void bytesAfterTheHeaderAreNeverAskedFor(Vector vector) {
        byte[] header = vector.header();
        int read = 0;
        while (parse(Arrays.copyOf(header, read)) instanceof NeedMore more) {
            read += more.atLeast();
        }
        assertThat(read).isEqualTo(done(parse(header)).length());
    }

    @ParameterizedTest
    @MethodSource("dev.clowder.valve.ProxyVectors#accepted")
    void bytesAfterTheHeaderChangeNothing(Vector vector) {
        Done alone = done(parse(vector.header()));
        byte[] longer = Arrays.copyOf(vector.header(), vector.header().length + 300);
        Arrays.fill(longer, vector.header().length, longer.length, (byte) 0xa5);
        assertThat(parse(longer)).isEqualTo(alone);
    }

    @Test
    void aHeaderMayStandAnywhereInItsBufferAndTheBufferStays() {
        byte[] header = HEX.parseHex(V2_SIGNATURE + "2111000cc0000201c0000202007b162e");
        ByteBuffer buffer = ByteBuffer.allocate(100)
                .position(7)
                .put(header)
                .limit(7 + header.length)
                .position(7);
        assertThat(done(ProxyHeaderParser.parse(buffer)).length()).isEqualTo(28);
        assertThat(buffer.position()).isEqualTo(7);
        assertThat(buffer.remaining()).isEqualTo(28);
    }

    @Test
    void everyFirstByteButTwoIsRefusedAtOnce() {
        for (int first = 0; first < 256; first++) {
            Outcome outcome = parse(new byte[] {(byte) first});
            assertThat(outcome)
                    .as("first byte %d", first)
                    .isInstanceOf(first == 'P' || first == '\r' ? NeedMore.class : Malformed.class);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"2111fff0", "21110ff1", "2011ffff"})
    void aHeaderOfMoreThan4096BytesIsRefusedByItsLengthFieldAlone(String fixed) {
        assertThat(parse(HEX.parseHex(V2_SIGNATURE + fixed))).isInstanceOf(Malformed.class);
    }

    @Test
    void aHeaderOf4096BytesIsRead() {
        byte[] header = Arrays.copyOf(HEX.parseHex(V2_SIGNATURE + "20000ff0"), 4096);
        assertThat(done(parse(header)).length()).isEqualTo(4096);
    }

    @ParameterizedTest
    @ValueSource(strings = {"22", "2f", "11", "00", "f1"})
    void anotherVersionOrCommandIsRefusedWithoutWaitingForMore(String versionAndCommand) {
        assertThat(parse(HEX.parseHex(V2_SIGNATURE + versionAndCommand))).isInstanceOf(Malformed.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"01", "02", "10", "12", "13", "20", "22", "23", "30", "32", "33", "40", "41", "ff"})
    void onlyStreamsOfKnownFamiliesAreTaken(String family) {
        assertThat(parse(HEX.parseHex(V2_SIGNATURE + "21" + family + "0000"))).isInstanceOf(Malformed.class);
        assertThat(done(parse(HEX.parseHex(V2_SIGNATURE + "20" + family + "0000")))
                        .header())
                .isEqualTo(new ProxyHeader.Local(ProxyHeader.Family.UNSPEC));
    }

    @Test
    void aClientOfNoKnownFamilyIsAnonymousAndItsBytesAreSkipped() {
        Done done = done(parse(HEX.parseHex(V2_SIGNATURE + "21000005ffffffffff")));
        assertThat(done.length()).isEqualTo(21);
        assertThat(new ProxyProtocol(done.header(), new byte[0]).isAnonymous()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "PROXY TCP4 224.0.0.1 192.0.2.1 1 2\r\n",
                "PROXY TCP4 255.255.255.255 192.0.2.1 1 2\r\n",
                "PROXY TCP6 ff02::1 2001:db8::1 1 2\r\n",
                "PROXY TCP6 fe80::1%eth0 2001:db8::1 1 2\r\n",
                "PROXY TCP6 [2001:db8::1] 2001:db8::1 1 2\r\n",
                "PROXY TCP4 192.0.2.1 192.0.2.2 +80 2\r\n",
                "PROXY TCP4 192.0.2.1 192.0.2.2 80 65536\r\n",
                "PROXY TCP4 localhost 192.0.2.2 80 2\r\n",
                "PROXY TCP4 192.0.2 192.0.2.2 80 2\r\n",
                "PROXY UNKNOWNX\r\n",
                "PROXY UNKNOWN a\nb\r\n",
                "PROXY UNKNOWN a\rb\r\n",
            })
    void aWrongLineIsRefused(String line) {
        assertThat(parse(line.getBytes(StandardCharsets.US_ASCII))).isInstanceOf(Malformed.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "PROXY TCP4 255.255.255.254 192.0.2.1 0 0\r\n",
                "PROXY TCP4 127.255.255.255 255.255.255.255 65535 65535\r\n",
            })
    void portsAndAddressesAtTheirBoundsAreTaken(String line) {
        ProxyHeader header =
                done(parse(line.getBytes(StandardCharsets.US_ASCII))).header();
        assertThat(header).isInstanceOf(ProxyHeader.Inet.class);
    }

    @Test
    void aSourceThatIsNoHostIsRefusedByTheSectionOfItsVersion() {
        assertThat(parse("PROXY TCP4 224.0.0.1 192.0.2.1 1 2\r\n".getBytes(StandardCharsets.US_ASCII)))
                .isEqualTo(new Malformed("2.1: the source is not the address of one host"));
        assertThat(parse(HEX.parseHex(V2_SIGNATURE + "2111000ce0000001c0000202007b162e")))
                .isEqualTo(new Malformed("2.2: the source is not the address of one host"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"PROXY TCP4 0.0.0.0 192.0.2.1 1 2\r\n", "PROXY TCP6 :: 2001:db8::1 1 2\r\n"})
    void anUnspecifiedSourceIsNoClient(String line) {
        ProxyProtocol proxied = new ProxyProtocol(
                done(parse(line.getBytes(StandardCharsets.US_ASCII))).header(), new byte[0]);
        assertThat(proxied.isAnonymous()).isTrue();
        assertThat(proxied.isLocal()).isFalse();
        assertThat(proxied.getSource()).isNull();
    }

    @Test
    void anIpv4MappedSourceIsIpv4() {
        byte[] line = "PROXY TCP6 ::ffff:192.0.2.1 ::FFFF:c000:202 1 2\r\n".getBytes(StandardCharsets.US_ASCII);
        ProxyProtocol proxied = new ProxyProtocol(done(parse(line)).header(), new byte[0]);
        assertThat(proxied.getSource()).isEqualTo("192.0.2.1");
        assertThat(proxied.getDestination()).isEqualTo("192.0.2.2");
        assertThat(proxied.getFamily()).isEqualTo("TCP6");
    }

    @ParameterizedTest
    @MethodSource("dev.clowder.valve.ProxyVectors#all")
    void mutatedHeadersNeverThrowAndNeverDependOnTheCut(Vector vector) {
        Random random = new Random(vector.toString().hashCode());
        for (int round = 0; round < 300; round++) {
            byte[] bytes = Arrays.copyOf(vector.header(), vector.header().length + random.nextInt(8));
            for (int change = random.nextInt(4); change >= 0 && bytes.length > 0; change--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            Outcome whole = parse(bytes);
            for (int cut = 0; cut < bytes.length; cut++) {
                Outcome part = parse(Arrays.copyOf(bytes, cut));
                if (!(part instanceof NeedMore)) {
                    assertThat(part).as(HEX.formatHex(bytes)).isEqualTo(whole);
                }
            }
        }
    }

    @Test
    void everyRefusalCitesItsSectionAndQuotesNothingOfTheSender() {
        ProxyVectors.all().map(vector -> parse(vector.header())).forEach(outcome -> {
            if (outcome instanceof Malformed malformed) {
                assertThat(malformed.reason()).matches("2(\\.[12](\\.\\d)?)?: [\\p{Print}]+");
            }
        });
    }

    private static Outcome parse(byte[] bytes) {
        return ProxyHeaderParser.parse(ByteBuffer.wrap(bytes));
    }

    private static Done done(Outcome outcome) {
        assertThat(outcome).isInstanceOf(Done.class);
        return (Done) outcome;
    }
}
