package dev.clowder.launcher.worker;

import dev.clowder.launcher.config.Certificate;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.cert.X509Certificate;
import java.time.Instant;
import org.apache.coyote.ProtocolHandler;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.apache.tomcat.util.net.SSLHostConfig;
import org.apache.tomcat.util.net.SSLHostConfigCertificate;

/**
 * The certificate of one connector, and its files: when they have changed, new connections get what they hold now. Open
 * connections keep what they have; files that hold nothing usable change nothing. For one thread after the start.
 */
final class ServedCertificate {
    private static final Log LOG = LogFactory.getLog(ServedCertificate.class);

    private final Certificate certificate;
    private final ProtocolHandler protocol;
    private final int port;
    /** What the files looked like when they were read, and at the last look. */
    private String read;

    private String seen;

    /**
     * Lets the connector speak TLS with what the files hold.
     *
     * @throws StartFailedException if that is nothing usable, with the reason
     */
    ServedCertificate(Message.Certificate files, ProtocolHandler protocol, int port) throws StartFailedException {
        this.certificate = new Certificate(Path.of(files.chain()), Path.of(files.key()));
        this.protocol = protocol;
        this.port = port;
        read = look();
        seen = read;
        try {
            certificate.check(Instant.now());
        } catch (ConfigException e) {
            throw new StartFailedException(String.valueOf(e.getMessage()), e);
        }
        protocol.addSslHostConfig(config());
    }

    /**
     * Looks at the files and takes what is new; to be called every second or so. They are read when they have not changed
     * since the last call: certificate and key are seldom written at the very same moment.
     */
    void follow() {
        String before = seen;
        seen = look();
        if (seen.equals(read) || !seen.equals(before)) {
            return;
        }
        read = seen;
        try {
            X509Certificate taken = certificate.check(Instant.now());
            protocol.addSslHostConfig(config(), true);
            LOG.info("port " + port + ": new certificate, valid until "
                    + taken.getNotAfter().toInstant());
        } catch (ConfigException | IllegalArgumentException e) {
            LOG.warn("port " + port + ": the certificate stays as it was: " + e.getMessage());
        }
    }

    private SSLHostConfig config() {
        SSLHostConfig host = new SSLHostConfig();
        SSLHostConfigCertificate files = new SSLHostConfigCertificate(host, SSLHostConfigCertificate.Type.UNDEFINED);
        files.setCertificateFile(certificate.chain().toString());
        files.setCertificateKeyFile(certificate.key().toString());
        host.addCertificate(files);
        return host;
    }

    private String look() {
        return look(certificate.chain()) + " " + look(certificate.key());
    }

    /** What differs when a file was written or replaced, by a link too. */
    private static String look(Path file) {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            return attributes.fileKey() + "/" + attributes.lastModifiedTime() + "/" + attributes.size();
        } catch (IOException e) {
            return "none";
        }
    }
}
