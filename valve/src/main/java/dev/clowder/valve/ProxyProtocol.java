package dev.clowder.valve;

import jakarta.servlet.ServletRequest;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the PROXY protocol header of a connection said; the request attribute {@value #ATTRIBUTE}, the same object for
 * every request of the connection. Immutable.
 *
 * <p>Everything here is the word of a source that {@code proxyProtocolTrust} lists. Text that is not valid in its
 * encoding, or that holds control characters, is null; its bytes are still in {@link #getTlvs}.
 */
public final class ProxyProtocol {
    /** Name of the request attribute. It is absent if the connection began without a header. */
    public static final String ATTRIBUTE = "proxyProtocol";

    private final ProxyHeader header;
    private final byte[] received;
    private final @Nullable String authority;
    private final @Nullable String alpn;
    private final @Nullable String uniqueId;
    private final @Nullable Ssl ssl;

    /** @param received the bytes that say it, exactly; not copied */
    ProxyProtocol(ProxyHeader header, byte[] received) {
        this.header = header;
        this.received = received;
        authority = text(find(header.tlvs(), ProxyTlv.AUTHORITY));
        alpn = text(find(header.tlvs(), ProxyTlv.ALPN));
        ProxyTlv id = find(header.tlvs(), ProxyTlv.UNIQUE_ID);
        uniqueId = id == null ? null : id.getHex();
        ssl = Ssl.of(find(header.tlvs(), ProxyTlv.SSL));
    }

    /** The header of the connection that {@code request} came on, or null if it had none. */
    public static @Nullable ProxyProtocol of(ServletRequest request) {
        return request.getAttribute(ATTRIBUTE) instanceof ProxyProtocol proxied ? proxied : null;
    }

    ProxyHeader header() {
        return header;
    }

    /** The header as it came, for another process: only that has its checksum, its padding, and paths of any bytes. */
    byte[] received() {
        return received;
    }

    /** Version of the header, 1 or 2. */
    public int getVersion() {
        return header.version();
    }

    /** {@code UNKNOWN} (version 1), {@code UNSPEC}, {@code TCP4}, {@code TCP6} or {@code UNIX_STREAM}. */
    public String getFamily() {
        return header.family().name();
    }

    /** True if the proxy opened the connection for itself ({@code LOCAL}), as for a health check. */
    public boolean isLocal() {
        return header instanceof ProxyHeader.Local;
    }

    /**
     * True if the header names no client: {@code LOCAL}, {@code UNKNOWN}, {@code UNSPEC}, or a source like 0.0.0.0. The
     * peer of such a connection is the proxy itself, whose HTTP headers are not believed.
     */
    public boolean isAnonymous() {
        return header instanceof ProxyHeader.Local || header instanceof ProxyHeader.Unknown;
    }

    /** The client: an address in canonical text (RFC 5952), a socket path for {@code UNIX_STREAM}; null if anonymous. */
    public @Nullable String getSource() {
        if (header instanceof ProxyHeader.Inet inet) {
            return ProxyAddress.text(inet.source().getAddress());
        }
        return header instanceof ProxyHeader.Unix unix ? unix.source() : null;
    }

    /** Port of the client; 0 if there is none. */
    public int getSourcePort() {
        return header instanceof ProxyHeader.Inet inet ? inet.source().getPort() : 0;
    }

    /** What the client connected to, in the form of {@link #getSource}; null if anonymous. */
    public @Nullable String getDestination() {
        if (header instanceof ProxyHeader.Inet inet) {
            return ProxyAddress.text(inet.destination().getAddress());
        }
        return header instanceof ProxyHeader.Unix unix ? unix.destination() : null;
    }

    /** Port that the client connected to; 0 if there is none. */
    public int getDestinationPort() {
        return header instanceof ProxyHeader.Inet inet ? inet.destination().getPort() : 0;
    }

    /** Host name that the client asked for, for TLS its SNI; never used as the Host header. Null if not sent. */
    public @Nullable String getAuthority() {
        return authority;
    }

    /** Application protocol, such as {@code h2}; null if not sent. */
    public @Nullable String getAlpn() {
        return alpn;
    }

    /** The proxy's name for this connection, its bytes as lower-case hexadecimal digits; null if not sent. */
    public @Nullable String getUniqueId() {
        return uniqueId;
    }

    /** The client's TLS; null if it did not use TLS or nothing is known. */
    public @Nullable Ssl getSsl() {
        return ssl;
    }

    /** All TLVs in the order of the header, known and unknown, repeats included, padding left out. */
    public List<ProxyTlv> getTlvs() {
        return header.tlvs();
    }

    @Override
    public String toString() {
        return "v" + getVersion() + " " + getFamily() + (isLocal() ? " LOCAL " : " ") + getSource() + ":"
                + getSourcePort() + " -> " + getDestination() + ":" + getDestinationPort() + " " + getTlvs();
    }

    private static @Nullable ProxyTlv find(List<ProxyTlv> tlvs, int type) {
        for (ProxyTlv tlv : tlvs) {
            if (tlv.getType() == type) {
                return tlv;
            }
        }
        return null;
    }

    private static @Nullable String text(@Nullable ProxyTlv tlv) {
        if (tlv == null) {
            return null;
        }
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(tlv.getValue()))
                    .toString();
            return text.chars().anyMatch(Character::isISOControl) ? null : text;
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    /** TLS between client and proxy (HAProxy {@code doc/proxy-protocol.txt}, section 2.2.6). Immutable. */
    public static final class Ssl {
        private static final int CLIENT_TLS = 1;
        private static final int CLIENT_CERTIFICATE = 2 | 4;

        private final @Nullable String version;
        private final @Nullable String commonName;
        private final @Nullable String cipher;
        private final boolean verified;
        private final List<ProxyTlv> tlvs;

        private Ssl(int client, int verify, List<ProxyTlv> tlvs) {
            this.tlvs = tlvs;
            version = text(find(tlvs, ProxyTlv.SSL_VERSION));
            commonName = text(find(tlvs, ProxyTlv.SSL_COMMON_NAME));
            cipher = text(find(tlvs, ProxyTlv.SSL_CIPHER));
            // A zero alone proves nothing: it is also what a sender leaves when no certificate was asked for.
            verified = (client & CLIENT_CERTIFICATE) != 0 && verify == 0;
        }

        private static @Nullable Ssl of(@Nullable ProxyTlv tlv) {
            if (tlv == null) {
                return null;
            }
            ByteBuffer value = ByteBuffer.wrap(tlv.getValue());
            int client = value.get();
            int verify = value.getInt();
            if ((client & CLIENT_TLS) == 0) {
                return null;
            }
            return new Ssl(client, verify, ProxyTlvReader.fields(value));
        }

        /** Version of TLS, such as {@code TLSv1.3}; null if not sent. */
        public @Nullable String getVersion() {
            return version;
        }

        /** Common name of the client's certificate; null if not sent. Proves nothing unless {@link #isVerified}. */
        public @Nullable String getCommonName() {
            return commonName;
        }

        /** Cipher suite; null if not sent. */
        public @Nullable String getCipher() {
            return cipher;
        }

        /** True if the client sent a certificate and the proxy verified it. */
        public boolean isVerified() {
            return verified;
        }

        /** All fields of the SSL TLV in their order, known and unknown. */
        public List<ProxyTlv> getTlvs() {
            return tlvs;
        }
    }
}
