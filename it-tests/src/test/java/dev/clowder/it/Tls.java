package dev.clowder.it;

import dev.clowder.it.HttpConnection.Response;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/** A certificate for localhost that this run has made, in the files of a cluster, and clients that trust it and no other. */
public final class Tls {
    private static final char[] PASSWORD = "changeit".toCharArray();

    private final Path directory;
    private final String host;
    private Certificate newest;

    /** Makes the directory and a first certificate for localhost in it. */
    public Tls(Path directory) throws IOException, GeneralSecurityException, InterruptedException {
        this(directory, "localhost");
    }

    /** Makes the directory and a first certificate in it. */
    Tls(Path directory, String host) throws IOException, GeneralSecurityException, InterruptedException {
        this.directory = Files.createDirectories(directory);
        this.host = host;
        newest = renew();
    }

    /** The options of a cluster that speaks TLS on this port, 0 for any. */
    public List<String> options(int port) {
        return List.of(
                "--tls-port", String.valueOf(port),
                "--tls-cert", chain().toString(),
                "--tls-key", key().toString());
    }

    public Path chain() {
        return directory.resolve("cert.pem");
    }

    public Path key() {
        return directory.resolve("key.pem");
    }

    /** A key store of type PKCS12 for servers that trust the newest certificate and no other; its password is changeit. */
    Path trust() throws IOException, GeneralSecurityException {
        Path file = directory.resolve("trust.p12");
        try (OutputStream out = Files.newOutputStream(file)) {
            trusted().store(out, PASSWORD);
        }
        return file;
    }

    private KeyStore trusted() throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setCertificateEntry("tls", newest);
        return store;
    }

    /** Puts another certificate and key in the place of the old ones, one after the other; returns the certificate. */
    Certificate renew() throws IOException, GeneralSecurityException, InterruptedException {
        KeyStore made = make();
        put(key(), "PRIVATE KEY", made.getKey("tls", PASSWORD).getEncoded());
        put(chain(), "CERTIFICATE", made.getCertificate("tls").getEncoded());
        newest = made.getCertificate("tls");
        return newest;
    }

    /** Of clients that trust the newest certificate. */
    public SSLContext client() throws IOException, GeneralSecurityException {
        return client(null);
    }

    /** The same with a certificate of their own, the newest of {@code own}. */
    SSLContext client(@Nullable Tls own) throws IOException, GeneralSecurityException {
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted());
        TrustManager[] managers = trust.getTrustManagers();
        SSLContext context = SSLContext.getInstance("TLS");
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        if (own != null) {
            keys.init(KeyStore.getInstance(own.directory.resolve("made.p12").toFile(), PASSWORD), PASSWORD);
        }
        context.init(own == null ? null : keys.getKeyManagers(), managers, null);
        return context;
    }

    private KeyStore make() throws IOException, GeneralSecurityException, InterruptedException {
        Path file = directory.resolve("made.p12");
        Files.deleteIfExists(file);
        Process keytool = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-alias",
                        "tls",
                        "-keyalg",
                        "EC",
                        "-groupname",
                        "secp256r1",
                        "-dname",
                        "CN=" + host,
                        "-ext",
                        "SAN=dns:" + host + ",ip:127.0.0.1",
                        "-validity",
                        "2",
                        "-storetype",
                        "PKCS12",
                        "-keystore",
                        file.toString(),
                        "-storepass",
                        new String(PASSWORD))
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("keytool.txt").toFile())
                .start();
        if (!keytool.waitFor(90, TimeUnit.SECONDS) || keytool.exitValue() != 0) {
            keytool.destroyForcibly();
            throw new IOException(Files.readString(directory.resolve("keytool.txt")));
        }
        return KeyStore.getInstance(file.toFile(), PASSWORD);
    }

    /** Whole at any moment, as a tool that renews certificates would do it. */
    private void put(Path file, String label, byte[] der) throws IOException {
        String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        Path next = directory.resolve("next.pem");
        Files.writeString(next, "-----BEGIN " + label + "-----\n" + body + "\n-----END " + label + "-----\n");
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** One GET over a connection of its own. */
    Response get(int port, String path) throws IOException, GeneralSecurityException {
        try (HttpConnection connection = HttpConnection.tls(port, client().getSocketFactory())) {
            return connection.get(path);
        }
    }
}
