package dev.clowder.launcher.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("once")
class CertificateTest {
    private static final String PASSWORD = "changeit";

    @TempDir
    static Path directory;

    private static KeyStore made;

    @TempDir
    Path temporary;

    @BeforeAll
    static void make() throws Exception {
        generate("RSA", "-keysize", "2048");
        generate("EC", "-groupname", "secp256r1");
        generate("Ed25519");
        made = KeyStore.getInstance(directory.resolve("made.p12").toFile(), PASSWORD.toCharArray());
    }

    private static void generate(String algorithm, String... more) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(), "-genkeypair"));
        command.addAll(List.of("-alias", algorithm, "-keyalg", algorithm, "-dname", "CN=localhost"));
        command.addAll(List.of("-validity", "2", "-storetype", "PKCS12", "-storepass", PASSWORD));
        command.addAll(List.of("-keystore", directory.resolve("made.p12").toString()));
        command.addAll(List.of(more));
        Process keytool = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("keytool.txt").toFile())
                .start();
        assertThat(keytool.waitFor(90, TimeUnit.SECONDS)).isTrue();
        assertThat(keytool.exitValue())
                .as(Files.readString(directory.resolve("keytool.txt")))
                .isZero();
    }

    @ParameterizedTest
    @CsvSource({"RSA, PRIVATE KEY", "RSA, RSA PRIVATE KEY", "EC, PRIVATE KEY", "EC, EC PRIVATE KEY"})
    void aCertificateWithItsKeyIsAcceptedInEachFormOfTheKey(String algorithm, String label) throws Exception {
        byte[] key = key(algorithm);
        Certificate certificate = new Certificate(
                write("cert.pem", "The server:\n" + pem("CERTIFICATE", certificate(algorithm))),
                write("key.pem", pem(label, label.equals("PRIVATE KEY") ? key : traditional(key))));
        assertThat(certificate.check(Instant.now())).isEqualTo(made.getCertificate(algorithm));
    }

    @Test
    void oneThatHasExpiredOrIsNotValidYetIsRefusedWithTheDate() throws Exception {
        Certificate certificate = pair("RSA", "RSA");
        Instant now = Instant.now();
        assertThatThrownBy(() -> certificate.check(now.plus(3, ChronoUnit.DAYS)))
                .isInstanceOf(ConfigException.class)
                .hasMessageContainingAll("--tls-cert " + certificate.chain(), "expired at 2");
        assertThatThrownBy(() -> certificate.check(now.minus(3, ChronoUnit.DAYS)))
                .isInstanceOf(ConfigException.class)
                .hasMessageContainingAll("--tls-cert " + certificate.chain(), "not valid before 2");
    }

    @ParameterizedTest
    @CsvSource({"RSA, EC", "EC, RSA"})
    void aKeyOfAnotherCertificateIsRefusedWithBothNames(String chain, String key) throws Exception {
        Certificate certificate = pair(chain, key);
        assertThatThrownBy(() -> certificate.check(Instant.now()))
                .isInstanceOf(ConfigException.class)
                .hasMessage("--tls-key " + certificate.key() + ": not the key of the certificate in "
                        + certificate.chain());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n-----END RSA PRIVATE KEY-----\n"
            })
    void anEncryptedKeyIsRefusedAsThat(String key) throws Exception {
        assertProblem("--tls-key", pem("CERTIFICATE", certificate("RSA")), key, "encrypted");
    }

    @Test
    void whatIsNoPemIsRefusedByTheNameOfItsFile() throws Exception {
        String chain = pem("CERTIFICATE", certificate("RSA"));
        String key = pem("PRIVATE KEY", key("RSA"));
        assertProblem("--tls-cert", "", key, "holds no certificate in PEM format");
        assertProblem("--tls-cert", key, chain, "holds no certificate in PEM format");
        assertProblem("--tls-key", chain, "\u0000\u00ff", "holds no private key in PEM format");
        assertProblem("--tls-cert", pem("CERTIFICATE", new byte[] {0x30, 5}), key, "can't be read");
        assertProblem("--tls-key", chain, pem("PRIVATE KEY", new byte[] {0x30, 5}), "not the key");
        assertProblem("--tls-cert", pem("CERTIFICATE", certificate("Ed25519")), key, "use RSA or EC");
        assertProblem("--tls-cert", "x".repeat((1 << 20) + 1), key, "too large");
    }

    @Test
    void aFileThatIsNotThereOrNotReadableIsRefused() throws Exception {
        Path chain = write("cert.pem", pem("CERTIFICATE", certificate("RSA")));
        assertThatThrownBy(() -> new Certificate(chain, temporary.resolve("none.pem")).check(Instant.now()))
                .isInstanceOf(ConfigException.class)
                .hasMessage("--tls-key " + temporary.resolve("none.pem") + ": no such file");
        assertThatThrownBy(() -> new Certificate(temporary, chain).check(Instant.now()))
                .isInstanceOf(ConfigException.class)
                .hasMessageStartingWith("--tls-cert " + temporary + ": can't be read");
        assumeThat(chain.toFile().setReadable(false) && !Files.isReadable(chain))
                .isTrue();
        assertThatThrownBy(() -> new Certificate(chain, chain).check(Instant.now()))
                .isInstanceOf(ConfigException.class)
                .hasMessage("--tls-cert " + chain + ": may not be read by this user");
    }

    private void assertProblem(String option, String chain, String key, String problem) throws Exception {
        Certificate certificate = new Certificate(write("cert.pem", chain), write("key.pem", key));
        Path file = option.equals("--tls-cert") ? certificate.chain() : certificate.key();
        assertThatThrownBy(() -> certificate.check(Instant.now()))
                .isInstanceOf(ConfigException.class)
                .hasMessageStartingWith(option + " " + file + ": ")
                .hasMessageContaining(problem)
                .hasMessageNotContaining("\n");
    }

    private Certificate pair(String chain, String key) throws Exception {
        return new Certificate(
                write("cert.pem", pem("CERTIFICATE", certificate(chain))),
                write("key.pem", pem("PRIVATE KEY", key(key))));
    }

    private Path write(String name, String text) throws Exception {
        return Files.writeString(temporary.resolve(name), text);
    }

    private static byte[] certificate(String algorithm) throws Exception {
        return made.getCertificate(algorithm).getEncoded();
    }

    private static byte[] key(String algorithm) throws Exception {
        return made.getKey(algorithm, PASSWORD.toCharArray()).getEncoded();
    }

    private static String pem(String label, byte[] der) {
        String body = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        return "-----BEGIN " + label + "-----\n" + body + "\n-----END " + label + "-----\n";
    }

    /** What a PKCS #8 key (RFC 5208) wraps: behind its version and its algorithm. */
    private static byte[] traditional(byte[] key) {
        ByteBuffer in = ByteBuffer.wrap(key);
        content(in);
        for (int i = 0; i < 2; i++) {
            int length = content(in);
            in.position(in.position() + length);
        }
        byte[] wrapped = new byte[content(in)];
        in.get(wrapped);
        return wrapped;
    }

    /** Reads tag and length. */
    private static int content(ByteBuffer in) {
        in.get();
        int length = in.get();
        for (int more = length & 0x7f, i = length < 0 ? 0 : more; i < more; i++) {
            length = (i == 0 ? 0 : length << 8) | (in.get() & 0xff);
        }
        return length;
    }
}
