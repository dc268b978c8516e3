package dev.clowder.launcher.worker;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.util.Map;
import javax.crypto.SecretKey;
import javax.net.ssl.SSLSessionContext;

/**
 * The keys of session tickets inside the JVM's own TLS, by reflection: {@code javax.net.ssl} has no interface for them. The
 * JVM keeps them by number in each server context, encrypts with the current one until its time is over, then makes one of
 * its own, and decrypts with any that is not too old. A JVM that is built otherwise is refused by {@link #open}. Thread-safe.
 */
final class JvmTicketKeys {
    private static final String PACKAGE = "sun.security.ssl.";

    private final Class<?> contextType;
    private final Field keys;
    private final Field current;
    private final Constructor<?> empty;
    private final Field number;
    private final Field key;
    private final Field encryptsUntil;

    private JvmTicketKeys() throws ReflectiveOperationException {
        contextType = Class.forName(PACKAGE + "SSLSessionContextImpl");
        keys = field(contextType, "keyHashMap", Map.class);
        current = field(contextType, "currentKeyID", int.class);
        Class<?> keyType = Class.forName(PACKAGE + "SessionTicketExtension$StatelessKey");
        number = field(keyType, "num", int.class);
        key = field(keyType, "key", SecretKey.class);
        encryptsUntil = field(keyType, "timeout", long.class);
        // Its own constructor makes a random key from a handshake. By name: the compiler warns of the class on every
        // JDK.
        Class<?> factory = Class.forName("sun.reflect.ReflectionFactory");
        empty = (Constructor<?>) factory.getMethod("newConstructorForSerialization", Class.class, Constructor.class)
                .invoke(
                        factory.getMethod("getReflectionFactory").invoke(null),
                        keyType,
                        Object.class.getDeclaredConstructor());
    }

    /** @throws ReflectiveOperationException if this JVM keeps its keys in another way, or does not let us see them */
    static JvmTicketKeys open() throws ReflectiveOperationException {
        try {
            return new JvmTicketKeys();
        } catch (RuntimeException e) {
            // The package is not opened.
            throw new ReflectiveOperationException(e.getMessage(), e);
        }
    }

    private static Field field(Class<?> owner, String name, Class<?> type) throws ReflectiveOperationException {
        Field field = owner.getDeclaredField(name);
        if (!type.isAssignableFrom(field.getType())) {
            throw new NoSuchFieldException(field.toString());
        }
        field.setAccessible(true);
        return field;
    }

    /** Whether these are sessions of the JVM's own TLS, and not of OpenSSL. */
    boolean understands(SSLSessionContext sessions) {
        return contextType.isInstance(sessions);
    }

    /**
     * Puts a key among those of a context, in the place of one of this number.
     *
     * @param millis for how long it may encrypt; below 0 it only decrypts
     */
    void put(SSLSessionContext sessions, int id, SecretKey secret, long millis) throws ReflectiveOperationException {
        Object entry = empty.newInstance();
        number.setInt(entry, id);
        key.set(entry, secret);
        encryptsUntil.setLong(entry, System.currentTimeMillis() + millis);
        keysOf(sessions).put(id, entry);
    }

    /** Lets a context encrypt with the key of this number. */
    void use(SSLSessionContext sessions, int id) throws ReflectiveOperationException {
        // As the JVM does when it makes a key.
        synchronized (sessions) {
            current.setInt(sessions, id);
        }
    }

    void remove(SSLSessionContext sessions, int id) throws ReflectiveOperationException {
        keysOf(sessions).remove(id);
    }

    @SuppressWarnings("unchecked") // Integer to StatelessKey.
    private Map<Integer, Object> keysOf(SSLSessionContext sessions) throws ReflectiveOperationException {
        return (Map<Integer, Object>) keys.get(sessions);
    }
}
