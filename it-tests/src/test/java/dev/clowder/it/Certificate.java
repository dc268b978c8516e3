package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A key with a certificate that it signed itself, for the name {@value #HOST}; serves a proxy and its client alike. */
final class Certificate {
    static final String HOST = "shop.example.com";
    static final String COMMON_NAME = "one cat";

    private static final char[] PASSWORD = "a cat's".toCharArray();

    private final KeyStore keys;

    private Certificate(KeyStore keys) {
        this.keys = keys;
    }

    /** Makes one with the JDK's keytool. */
    static Certificate make(Path directory) throws Exception {
        Path file = directory.resolve("cat.p12");
        String keytool =
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
        Process process = new ProcessBuilder(
                        keytool,
                        "-genkeypair",
                        "-alias",
                        "cat",
                        "-keyalg",
                        "EC",
                        "-dname",
                        "CN=" + COMMON_NAME,
                        "-ext",
                        "san=dns:" + HOST,
                        "-storetype",
                        "PKCS12",
                        "-storepass",
                        new String(PASSWORD),
                        "-keystore",
                        file.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).as(said).isTrue();
        assertThat(process.exitValue()).as(said).isZero();
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(file)) {
            keys.load(in, PASSWORD);
        }
        return new Certificate(keys);
    }

    /** Writes key and certificate as a proxy reads them. */
    Path writeKeyAndCertificate(Path file) throws IOException, GeneralSecurityException {
        return Files.writeString(
                file, pem("PRIVATE KEY", keys.getKey("cat", PASSWORD).getEncoded()) + certificate());
    }

    /** Writes the certificate alone. */
    Path writeCertificate(Path file) throws IOException, GeneralSecurityException {
        return Files.writeString(file, certificate());
    }

    private String certificate() throws GeneralSecurityException {
        return pem("CERTIFICATE", keys.getCertificate("cat").getEncoded());
    }

    private static String pem(String what, byte[] encoded) {
        String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(encoded);
        return "-----BEGIN " + what + "-----\n" + text + "\n-----END " + what + "-----\n";
    }

    /**
     * Connects by TLS to a server that has this certificate, and asks for {@value #HOST}.
     *
     * @param identified whether the client shows the certificate too
     */
    HttpConnection connect(InetAddress from, int port, boolean identified) throws Exception {
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(keys);
        KeyManagerFactory own = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        own.init(keys, PASSWORD);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(identified ? own.getKeyManagers() : new KeyManager[0], trust.getTrustManagers(), new SecureRandom());
        Socket plain = new Socket();
        plain.bind(new InetSocketAddress(from, 0));
        plain.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        return HttpConnection.over(tls.getSocketFactory().createSocket(plain, HOST, port, true));
    }
}
