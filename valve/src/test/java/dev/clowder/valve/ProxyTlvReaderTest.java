package dev.clowder.valve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The fields behind the addresses of a v2 header: what is kept of them, and which section a wrong one offends. */
class ProxyTlvReaderTest {

    /** Bytes that stand before the fields, as the addresses do, and are none of theirs. */
    private static final int BEFORE = 28;

    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource(delimiter = '|', nullValues = "-", textBlock = """
            -                          | []
            040000                     | []
            0400021122 02000161        | [02=61]
            e00000                     | [e0=]
            ff00020102 e10001ff        | [ff=0102, e1=ff]
            200005 0700000000          | [20=0700000000]
            200008 0700000000 210000   | [20=0700000000210000]
            20000c 0700000000 210000 22000161 | [20=070000000021000022000161]
            02                         | 2.2: a TLV that reaches beyond its header
            0200                       | 2.2: a TLV that reaches beyond its header
            02000261                   | 2.2: a TLV that reaches beyond its header
            02ffff61                   | 2.2: a TLV that reaches beyond its header
            02000161 02                | 2.2: a TLV that reaches beyond its header
            030004 00000000            | 2.2.3: the CRC32C checksum is wrong
            030003 000000              | 2.2.3: a CRC32C checksum that has not 4 bytes
            030005 0000000000          | 2.2.3: a CRC32C checksum that has not 4 bytes
            030004 00000000 030004 00000000 | 2.2.3: two CRC32C checksums
            200000                     | 2.2.6: an SSL TLV shorter than 5 bytes
            200004 07000000            | 2.2.6: an SSL TLV shorter than 5 bytes
            200007 0700000000 2100     | 2.2.6: a TLV that reaches beyond the SSL TLV around it
            200008 0700000000 210001 220000 | 2.2.6: a TLV that reaches beyond the SSL TLV around it
            20000d 0700000000 200005 0700000000 | 2.2.6: an SSL TLV inside another
            200010 0700000000 210000 200005 0700000000 | 2.2.6: an SSL TLV inside another
            """)
    void fieldsAreReadToTheirEndOrRefused(String fields, String expected) {
        assertThat(read(fields == null ? "" : fields.replace(" ", ""))).isEqualTo(expected);
    }

    @Test
    void aUniqueIdHasAtMost128Bytes() {
        assertThat(read("050080" + "ab".repeat(128))).isEqualTo("[05=" + "ab".repeat(128) + "]");
        assertThat(read("050081" + "ab".repeat(129))).isEqualTo("2.2.5: a unique ID longer than 128 bytes");
    }

    @Test
    void aFieldIsAValue() {
        ProxyTlv field = new ProxyTlv(0xff, new byte[0xffff]);
        assertThat(field)
                .isEqualTo(new ProxyTlv(0xff, new byte[0xffff]))
                .hasSameHashCodeAs(new ProxyTlv(0xff, new byte[0xffff]))
                .isNotEqualTo(new ProxyTlv(0xfe, new byte[0xffff]))
                .isNotEqualTo(new ProxyTlv(0xff, new byte[0xfffe]))
                .isNotEqualTo("ff=");
        assertThat(new HashSet<>(List.of(field(1, 1), field(1, 2), field(2, 1))))
                .hasSize(3)
                .contains(field(1, 2));
        assertThat(List.of(
                        field(1, 1).hashCode(),
                        field(1, 2).hashCode(),
                        field(2, 1).hashCode()))
                .as("a type and a value that are told apart")
                .doesNotHaveDuplicates();
    }

    @Test
    void aFieldThatHasNoPlaceInAHeaderIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> new ProxyTlv(-1, new byte[0]));
        assertThatIllegalArgumentException().isThrownBy(() -> new ProxyTlv(0x100, new byte[0]));
        assertThatIllegalArgumentException().isThrownBy(() -> new ProxyTlv(0, new byte[0x10000]));
    }

    private static ProxyTlv field(int type, int value) {
        return new ProxyTlv(type, new byte[] {(byte) value});
    }

    private static String read(String hex) {
        byte[] fields = HexFormat.of().parseHex(hex);
        ByteBuffer header = ByteBuffer.allocate(BEFORE + fields.length).put(BEFORE, fields);
        ProxyTlvReader reader = new ProxyTlvReader(header);
        String fault = reader.read(BEFORE);
        return fault == null ? reader.tlvs().toString() : fault;
    }
}
