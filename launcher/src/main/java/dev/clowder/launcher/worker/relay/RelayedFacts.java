package dev.clowder.launcher.worker.relay;

import dev.clowder.valve.ConnectionPeer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.coyote.ActionCode;
import org.apache.coyote.Request;
import org.apache.tomcat.util.net.SSLSupport;
import org.jspecify.annotations.Nullable;

/**
 * What a request does not say itself and the worker that answers it has to know: who its client is, and how that is
 * connected. It travels beside the request, never in its headers, so no client can make it up. Immutable.
 */
public final class RelayedFacts {
    /** Request attributes that are texts, in both lines of Tomcat. */
    private static final List<String> TEXTS = List.of(
            SSLSupport.CIPHER_SUITE_KEY,
            SSLSupport.SESSION_ID_KEY,
            "jakarta.servlet.request.secure_protocol",
            "org.apache.tomcat.util.net.secure_protocol_version",
            SSLSupport.REQUESTED_CIPHERS_KEY,
            SSLSupport.REQUESTED_PROTOCOL_VERSIONS_KEY);

    private final ConnectionPeer peer;
    private final String scheme;
    private final String protocol;
    private final Map<String, Object> attributes;

    private RelayedFacts(ConnectionPeer peer, String scheme, String protocol, Map<String, Object> attributes) {
        this.peer = peer;
        this.scheme = scheme;
        this.protocol = protocol;
        this.attributes = attributes;
    }

    /** Of a request that nobody has judged or mapped yet; null if its connection is gone. */
    public static @Nullable RelayedFacts of(Request request) {
        ConnectionPeer peer = ConnectionPeer.of(request);
        if (peer == null) {
            return null;
        }
        request.action(ActionCode.REQ_SSL_ATTRIBUTE, request);
        Map<String, Object> attributes = new HashMap<>();
        for (String name : TEXTS) {
            if (request.getAttribute(name) instanceof String text) {
                attributes.put(name, text);
            }
        }
        if (request.getAttribute(SSLSupport.KEY_SIZE_KEY) instanceof Integer bits) {
            attributes.put(SSLSupport.KEY_SIZE_KEY, bits);
        }
        if (request.getAttribute(SSLSupport.CERTIFICATE_KEY) instanceof X509Certificate[] chain) {
            attributes.put(SSLSupport.CERTIFICATE_KEY, chain);
        }
        return new RelayedFacts(
                peer, text(request.scheme().toString()), text(request.protocol().toString()), attributes);
    }

    private static String text(@Nullable String text) {
        return text == null ? "" : text;
    }

    /** Who the client is. */
    public ConnectionPeer peer() {
        return peer;
    }

    /** Makes a request that was relayed say them. */
    public void applyTo(Request request) {
        if (!scheme.isEmpty()) {
            request.scheme().setString(scheme);
        }
        request.protocol().setString(protocol);
        attributes.forEach(request::setAttribute);
    }

    /** As bytes for {@link #read}. */
    public byte[] write() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            ByteBuffer client = ByteBuffer.allocate(peer.length());
            peer.put(client);
            out.write(client.array());
            out.writeUTF(scheme);
            out.writeUTF(protocol);
            for (String name : TEXTS) {
                out.writeUTF(attributes.get(name) instanceof String text ? text : "");
            }
            out.writeInt(attributes.get(SSLSupport.KEY_SIZE_KEY) instanceof Integer bits ? bits : 0);
            X509Certificate[] chain = attributes.get(SSLSupport.CERTIFICATE_KEY) instanceof X509Certificate[] known
                    ? known
                    : new X509Certificate[0];
            out.writeShort(chain.length);
            for (X509Certificate certificate : chain) {
                byte[] encoded = certificate.getEncoded();
                out.writeInt(encoded.length);
                out.write(encoded);
            }
        } catch (CertificateException e) {
            throw new IOException(e);
        }
        return bytes.toByteArray();
    }

    /** The inverse of {@link #write}. */
    public static RelayedFacts read(ByteBuffer from) throws IOException {
        ConnectionPeer peer = ConnectionPeer.get(from);
        byte[] rest = new byte[from.remaining()];
        from.get(rest);
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(rest));
        String scheme = in.readUTF();
        String protocol = in.readUTF();
        Map<String, Object> attributes = new HashMap<>();
        for (String name : TEXTS) {
            String text = in.readUTF();
            if (!text.isEmpty()) {
                attributes.put(name, text);
            }
        }
        int bits = in.readInt();
        if (bits > 0) {
            attributes.put(SSLSupport.KEY_SIZE_KEY, bits);
        }
        X509Certificate[] chain = new X509Certificate[in.readUnsignedShort()];
        for (int i = 0; i < chain.length; i++) {
            chain[i] = certificate(in.readNBytes(in.readInt()));
        }
        if (chain.length > 0) {
            attributes.put(SSLSupport.CERTIFICATE_KEY, chain);
        }
        return new RelayedFacts(peer, scheme, protocol, attributes);
    }

    private static X509Certificate certificate(byte[] encoded) throws IOException {
        try {
            return (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(encoded));
        } catch (CertificateException e) {
            throw new IOException(e);
        }
    }
}
