package dev.clowder.launcher.worker;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.clowder.launcher.wire.Message;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.SSLSessionContext;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.apache.tomcat.util.net.SSLContext;
import org.apache.tomcat.util.net.SSLHostConfig;
import org.apache.tomcat.util.net.SSLHostConfigCertificate;
import org.jspecify.annotations.Nullable;

/**
 * What the supervisor gave all workers to encrypt their TLS session tickets with. Each port, name and certificate has keys
 * of its own that are derived from it: a ticket is good for nothing else. Those that ask clients for a certificate keep the
 * JVM's own keys, since a ticket stands for the check of that certificate. Thread-safe.
 */
final class SharedTickets {
    private static final Log LOG = LogFactory.getLog(SharedTickets.class);
    private static final String DERIVATION = "HmacSHA256";
    /** The name of the entry if {@code server.xml} has none: {@code SSLUtilBase.DEFAULT_KEY_ALIAS}. */
    private static final String DEFAULT_ALIAS = "tomcat";

    /** By number, the newest last; those of an earlier supervisor too. */
    private final Map<Integer, Held> held = new LinkedHashMap<>();

    private final List<Integer> forgotten = new ArrayList<>();
    private @Nullable JvmTicketKeys jvm;
    private boolean asked;

    private record Held(SecretKey secret, long usedUntil, long knownUntil) {}

    /** Takes what the supervisor has, which is not in use before {@link #addTo}. */
    synchronized void take(Message.TicketKeys keys) {
        long now = System.nanoTime();
        // The newest comes first there.
        for (int i = keys.keys().size() - 1; i >= 0; i--) {
            Message.TicketKey key = keys.keys().get(i);
            held.remove(key.number());
            held.put(
                    key.number(),
                    new Held(
                            new SecretKeySpec(Base64.getDecoder().decode(key.secret()), DERIVATION),
                            now + TimeUnit.MILLISECONDS.toNanos(key.usedMillis()),
                            now + TimeUnit.MILLISECONDS.toNanos(key.knownMillis())));
        }
        held.forEach((number, key) -> {
            if (key.knownUntil() - now <= 0) {
                forgotten.add(number);
            }
        });
        forgotten.forEach(held::remove);
    }

    /** Lets the TLS of one host of a port use what was taken. */
    synchronized void addTo(int port, SSLHostConfig host) {
        if (held.isEmpty() || host.getCertificateVerification() != SSLHostConfig.CertificateVerification.NONE) {
            return;
        }
        for (SSLHostConfigCertificate certificate : host.getCertificates()) {
            SSLContext context = certificate.getSslContext();
            JvmTicketKeys keys = context == null ? null : jvm();
            if (context != null && keys != null && keys.understands(context.getServerSessionContext())) {
                try {
                    add(keys, context, port + " " + host.getHostName() + " " + certificate.getType(), certificate);
                } catch (ReflectiveOperationException | GeneralSecurityException e) {
                    LOG.warn("port " + port + ": can't share the keys of TLS session tickets", e);
                }
            }
        }
    }

    /** Null if there is no way to share them. */
    private @Nullable JvmTicketKeys jvm() {
        if (!asked) {
            asked = true;
            try {
                jvm = JvmTicketKeys.open();
            } catch (ReflectiveOperationException e) {
                LOG.info("a TLS session is resumed only by the worker that began it: this Java does not let the keys of"
                        + " session tickets be shared (" + e + ")");
            }
        }
        return jvm;
    }

    private void add(JvmTicketKeys keys, SSLContext context, String place, SSLHostConfigCertificate certificate)
            throws ReflectiveOperationException, GeneralSecurityException {
        SSLSessionContext sessions = context.getServerSessionContext();
        long now = System.nanoTime();
        int newest = 0;
        for (Map.Entry<Integer, Held> entry : held.entrySet()) {
            newest = entry.getKey();
            Held key = entry.getValue();
            keys.put(
                    sessions,
                    newest,
                    derive(key.secret(), place, context, certificate),
                    TimeUnit.NANOSECONDS.toMillis(key.usedUntil() - now));
        }
        keys.use(sessions, newest);
        for (int number : forgotten) {
            keys.remove(sessions, number);
        }
    }

    private static SecretKey derive(
            SecretKey secret, String place, SSLContext context, SSLHostConfigCertificate certificate)
            throws GeneralSecurityException {
        Mac mac = Mac.getInstance(DERIVATION);
        mac.init(secret);
        mac.update(place.getBytes(UTF_8));
        String alias = certificate.getCertificateKeyAlias();
        X509Certificate[] chain = context.getCertificateChain(alias == null ? DEFAULT_ALIAS : alias);
        if (chain != null && chain.length > 0) {
            mac.update(chain[0].getEncoded());
        }
        return new SecretKeySpec(mac.doFinal(), "AES");
    }
}
