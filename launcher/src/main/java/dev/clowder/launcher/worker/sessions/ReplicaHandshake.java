package dev.clowder.launcher.worker.sessions;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * How two workers prove to each other that they know the key of their cluster, without telling it. Whoever takes copies sends
 * a {@linkplain #challenge challenge}; whoever brings them answers with one of its own and a proof for both; then the other
 * side proves itself. A proof is of no use on another connection, nor to another worker. Immutable, thread-safe.
 */
final class ReplicaHandshake {
    /** Bytes of a challenge, and of a proof. */
    static final int LENGTH = 32;

    private static final String ALGORITHM = "HmacSHA256";
    private static final SecureRandom RANDOM = new SecureRandom();

    private final SecretKeySpec key;

    /** @param key in hexadecimal digits */
    ReplicaHandshake(String key) {
        this.key = new SecretKeySpec(HexFormat.of().parseHex(key), ALGORITHM);
    }

    static byte[] challenge() {
        byte[] challenge = new byte[LENGTH];
        RANDOM.nextBytes(challenge);
        return challenge;
    }

    /** What the one that brings copies to this worker has to say. */
    byte[] bringer(int taker, byte[] takersChallenge, byte[] bringersChallenge) {
        return proof("bringer", taker, takersChallenge, bringersChallenge);
    }

    /** What this worker has to say then. */
    byte[] taker(int taker, byte[] takersChallenge, byte[] bringersChallenge) {
        return proof("taker", taker, takersChallenge, bringersChallenge);
    }

    /** Takes as long whatever is different. */
    static boolean same(byte[] proof, byte[] expected) {
        return MessageDigest.isEqual(proof, expected);
    }

    private byte[] proof(String role, int taker, byte[] takersChallenge, byte[] bringersChallenge) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(key);
            mac.update(role.getBytes(UTF_8));
            mac.update(ByteBuffer.allocate(Integer.BYTES).putInt(taker).flip());
            mac.update(takersChallenge);
            return mac.doFinal(bringersChallenge);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java has " + ALGORITHM, e);
        }
    }
}
