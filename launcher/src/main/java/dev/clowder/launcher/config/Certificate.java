package dev.clowder.launcher.config;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A certificate and its private key, each in a file of text (RFC 7468, and RFC 1421 for keys that OpenSSL calls
 * traditional). What the files hold may change; {@link #check} looks at them as they are.
 *
 * @param chain the certificate of the server, then those of the authorities that signed it; {@code --tls-cert}
 * @param key the private key, not encrypted; {@code --tls-key}
 */
public record Certificate(Path chain, Path key) {
    /** Begin, label, what stands between, end. A body may hold header lines, of a traditional key that is encrypted. */
    private static final Pattern BLOCK =
            Pattern.compile("-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \\1-----", Pattern.DOTALL);

    private static final long MAX_BYTES = 1 << 20;

    /** ASN.1: SEQUENCE, OCTET STRING, and INTEGER 0, the version of a PKCS #8 key (RFC 5208). */
    private static final int SEQUENCE = 0x30;

    private static final int OCTETS = 4;
    private static final byte[] VERSION = {2, 1, 0};

    /**
     * Reads both files.
     *
     * @return the certificate of the server
     * @throws ConfigException if TLS could not be spoken with them now, in one line that names option and file
     */
    public X509Certificate check(Instant now) throws ConfigException {
        X509Certificate certificate = server();
        if (now.isBefore(certificate.getNotBefore().toInstant())) {
            throw wrongChain("not valid before " + certificate.getNotBefore().toInstant());
        }
        if (now.isAfter(certificate.getNotAfter().toInstant())) {
            throw wrongChain("expired at " + certificate.getNotAfter().toInstant());
        }
        PublicKey publicKey = certificate.getPublicKey();
        String signature = switch (publicKey.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            default -> throw wrongChain("its key is " + publicKey.getAlgorithm() + ", use RSA or EC");
        };
        byte[] encoded = privateKey(publicKey);
        if (!fits(encoded, publicKey, signature)) {
            throw wrongKey("not the key of the certificate in " + chain);
        }
        return certificate;
    }

    private X509Certificate server() throws ConfigException {
        Matcher block = BLOCK.matcher(text("--tls-cert", chain));
        X509Certificate first = null;
        try {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            while (block.find()) {
                if (block.group(1).equals("CERTIFICATE")) {
                    X509Certificate certificate =
                            (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(decode(block)));
                    first = first == null ? certificate : first;
                }
            }
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw wrongChain("a certificate in it can't be read (" + e.getMessage() + ")");
        }
        if (first == null) {
            throw wrongChain("holds no certificate in PEM format (-----BEGIN CERTIFICATE-----)");
        }
        return first;
    }

    /** In PKCS #8. */
    private byte[] privateKey(PublicKey publicKey) throws ConfigException {
        Matcher block = BLOCK.matcher(text("--tls-key", key));
        while (block.find()) {
            String label = block.group(1);
            if (label.equals("ENCRYPTED PRIVATE KEY") || block.group(2).contains("ENCRYPTED")) {
                throw wrongKey("encrypted, and nobody is there to be asked for its password; decrypt it with"
                        + " openssl pkey and protect the file by its mode");
            }
            try {
                if (label.equals("PRIVATE KEY")) {
                    return decode(block);
                }
                if (label.equals("RSA PRIVATE KEY") || label.equals("EC PRIVATE KEY")) {
                    return wrap(decode(block), publicKey);
                }
            } catch (IllegalArgumentException e) {
                throw wrongKey("can't be read (" + e.getMessage() + ")");
            }
        }
        throw wrongKey("holds no private key in PEM format (-----BEGIN PRIVATE KEY-----)");
    }

    private static boolean fits(byte[] encoded, PublicKey publicKey, String algorithm) {
        try {
            PrivateKey privateKey =
                    KeyFactory.getInstance(publicKey.getAlgorithm()).generatePrivate(new PKCS8EncodedKeySpec(encoded));
            Signature signature = Signature.getInstance(algorithm);
            signature.initSign(privateKey);
            signature.update(encoded);
            byte[] signed = signature.sign();
            signature.initVerify(publicKey);
            signature.update(encoded);
            return signature.verify(signed);
        } catch (GeneralSecurityException e) {
            // Of another kind or length.
            return false;
        }
    }

    /** A traditional key lacks only the name of its algorithm, which stands in the public key too. */
    private static byte[] wrap(byte[] traditional, PublicKey publicKey) {
        byte[] info = publicKey.getEncoded();
        int algorithm = headerLength(info, 0);
        int length = headerLength(info, algorithm) + contentLength(info, algorithm);
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        content.writeBytes(VERSION);
        content.write(info, algorithm, length);
        content.writeBytes(der(OCTETS, traditional));
        return der(SEQUENCE, content.toByteArray());
    }

    private static byte[] der(int tag, byte[] content) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(tag);
        int length = content.length;
        if (length > 0x7f) {
            // How many bytes of length follow.
            out.write(length > 0xffff ? 0x83 : length > 0xff ? 0x82 : 0x81);
        }
        for (int shift = length > 0xffff ? 16 : length > 0xff ? 8 : 0; shift >= 0; shift -= 8) {
            out.write(length >> shift);
        }
        out.writeBytes(content);
        return out.toByteArray();
    }

    private static int headerLength(byte[] der, int at) {
        int first = der[at + 1];
        return first >= 0 ? 2 : 2 + (first & 0x7f);
    }

    private static int contentLength(byte[] der, int at) {
        int length = der[at + 1];
        if (length >= 0) {
            return length;
        }
        int value = 0;
        for (int i = 0; i < (length & 0x7f); i++) {
            value = (value << 8) | (der[at + 2 + i] & 0xff);
        }
        return value;
    }

    private static byte[] decode(Matcher block) {
        return Base64.getMimeDecoder().decode(block.group(2));
    }

    private static String text(String option, Path file) throws ConfigException {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new ConfigException(option + " " + file + ": too large for a PEM file");
            }
            return Files.readString(file, ISO_8859_1);
        } catch (NoSuchFileException e) {
            throw new ConfigException(option + " " + file + ": no such file");
        } catch (AccessDeniedException e) {
            throw new ConfigException(option + " " + file + ": may not be read by this user");
        } catch (IOException e) {
            throw new ConfigException(option + " " + file + ": can't be read (" + e.getMessage() + ")");
        }
    }

    private ConfigException wrongChain(String problem) {
        return new ConfigException("--tls-cert " + chain + ": " + problem);
    }

    private ConfigException wrongKey(String problem) {
        return new ConfigException("--tls-key " + key + ": " + problem);
    }
}
