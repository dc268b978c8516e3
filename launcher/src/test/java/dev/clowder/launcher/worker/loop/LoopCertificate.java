package dev.clowder.launcher.worker.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A certificate for localhost, made for one test class, and clients that trust it and no other. */
final class LoopCertificate {
    static final String PASSWORD = "changeit";

    private final Path keyStore;
    private final SSLContext trusting;

    LoopCertificate(Path directory) throws Exception {
        keyStore = directory.resolve("server.p12");
        Process keytool = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-alias",
                        "server",
                        "-keyalg",
                        "EC",
                        "-groupname",
                        "secp256r1",
                        "-dname",
                        "CN=localhost",
                        "-ext",
                        "san=dns:localhost,ip:127.0.0.1",
                        "-storetype",
                        "PKCS12",
                        "-keystore",
                        keyStore.toString(),
                        "-storepass",
                        PASSWORD)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("keytool.txt").toFile())
                .start();
        try {
            assertThat(keytool.waitFor(90, TimeUnit.SECONDS)).isTrue();
            assertThat(keytool.exitValue())
                    .as(Files.readString(directory.resolve("keytool.txt")))
                    .isZero();
        } finally {
            keytool.destroyForcibly();
        }
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry(
                "server",
                KeyStore.getInstance(keyStore.toFile(), PASSWORD.toCharArray()).getCertificate("server"));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        trusting = SSLContext.getInstance("TLS");
        trusting.init(null, trust.getTrustManagers(), null);
    }

    Path keyStore() {
        return keyStore;
    }

    /** Of clients. */
    SSLContext trusting() {
        return trusting;
    }
}
