package dev.clowder.launcher.worker.sessions;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.clowder.launcher.worker.sessions.EngineException.Kind;
import java.io.IOException;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Connection;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.exceptions.JedisAccessControlException;
import redis.clients.jedis.exceptions.JedisBusyException;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisException;

/**
 * Sessions in Redis: a hash {@code clowder:session:KEY}, which Redis removes when its time is over, and beside it, while
 * somebody has the session, {@code clowder:holder:KEY}, which ends by itself too. Each change is a script, which Redis
 * runs as a whole.
 */
final class RedisEngine implements Engine {
    /** Of each worker; each is in use for a fraction of a millisecond. */
    private static final int CONNECTIONS = 8;

    /** The last use is noted once a second only. */
    private static final long MARGIN_MILLIS = 2_000;

    private static final byte[] TAKE = script("""
            local holder = redis.call('GET', KEYS[1])
            if holder and holder ~= ARGV[1] then return false end
            redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
            return redis.call('HMGET', KEYS[2], 'version', 'accessed', 'inactive', 'data')""");

    private static final String IF_HELD = """
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
            """;
    private static final String KEEP = """
            if tonumber(ARGV[4]) > 0 then redis.call('PEXPIRE', KEYS[2], ARGV[4]) else redis.call('PERSIST', KEYS[2]) end
            redis.call('DEL', KEYS[1])
            return 1""";
    private static final byte[] SAVE = script(IF_HELD + """
            redis.call('HSET', KEYS[2], 'accessed', ARGV[2], 'inactive', ARGV[3], 'version', ARGV[5], 'data', ARGV[6])
            """ + KEEP);
    private static final byte[] TOUCH = script(IF_HELD + """
            if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
            redis.call('HSET', KEYS[2], 'accessed', ARGV[2], 'inactive', ARGV[3])
            """ + KEEP);
    private static final byte[] REMOVE = script(IF_HELD + "return redis.call('DEL', KEYS[1], KEYS[2])");
    private static final byte[] RELEASE = script(IF_HELD + "return redis.call('DEL', KEYS[1])");
    /** A session lives at least as long as a request that uses it. */
    private static final byte[] RENEW = script(IF_HELD + """
            local left = redis.call('PTTL', KEYS[2])
            if left >= 0 and left < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
            return redis.call('PEXPIRE', KEYS[1], ARGV[2])""");

    private final RedisAddress address;
    /** One for each connection that may be in use. */
    private final Semaphore free = new Semaphore(CONNECTIONS);

    private final Deque<Connection> idle = new ConcurrentLinkedDeque<>();

    RedisEngine(RedisAddress address) {
        this.address = address;
    }

    @Override
    public Taken take(String key, String holder, boolean begin) throws EngineException {
        Object answer = run(TAKE, key, bytes(holder), bytes(LEASE_MILLIS));
        return answer instanceof List<?> fields
                ? new Taken(Outcome.TAKEN, session(fields))
                : new Taken(Outcome.HELD, null);
    }

    @Override
    public @Nullable StoredSession peek(String key) throws EngineException {
        Object answer = ask(new CommandArguments(Command.HMGET)
                .add(bytes("clowder:session:" + key))
                .add("version")
                .add("accessed")
                .add("inactive")
                .add("data"));
        return answer instanceof List<?> fields ? session(fields) : null;
    }

    private static @Nullable StoredSession session(List<?> fields) {
        return fields.get(3) instanceof byte[] data
                ? new StoredSession(
                        number(fields.get(0)), number(fields.get(1)), Math.toIntExact(number(fields.get(2))), data)
                : null;
    }

    private static long number(@Nullable Object field) {
        return field instanceof byte[] text ? Long.parseLong(new String(text, UTF_8)) : 0;
    }

    @Override
    public boolean save(String key, String holder, StoredSession session) throws EngineException {
        return isDone(run(
                SAVE,
                key,
                bytes(holder),
                bytes(session.accessed()),
                bytes(session.inactiveSeconds()),
                bytes(life(session.inactiveSeconds())),
                bytes(session.version()),
                session.data()));
    }

    @Override
    public boolean touch(String key, String holder, long accessed, int inactiveSeconds) throws EngineException {
        return isDone(
                run(TOUCH, key, bytes(holder), bytes(accessed), bytes(inactiveSeconds), bytes(life(inactiveSeconds))));
    }

    /** 0 for ever. */
    private static long life(int inactiveSeconds) {
        return inactiveSeconds <= 0 ? 0 : inactiveSeconds * 1000L + MARGIN_MILLIS;
    }

    @Override
    public boolean remove(String key, String holder) throws EngineException {
        return isDone(run(REMOVE, key, bytes(holder)));
    }

    @Override
    public void release(String key, String holder) throws EngineException {
        run(RELEASE, key, bytes(holder));
    }

    @Override
    public void renew(String key, String holder) throws EngineException {
        run(RENEW, key, bytes(holder), bytes(LEASE_MILLIS));
    }

    /** {@inheritDoc} Redis does: nobody is told of it. */
    @Override
    public List<String> idle(String prefix, long now) {
        return List.of();
    }

    @Override
    public void forget() {
        for (Connection each = idle.pollFirst(); each != null; each = idle.pollFirst()) {
            drop(each);
        }
    }

    @Override
    public void probe() throws EngineException {
        try {
            address.resolve();
        } catch (IOException e) {
            throw new EngineException(Kind.UNREACHABLE, "no such host", e);
        }
        // While it reads its file, or as a follower, it would answer a PING.
        run(TAKE, "probe", bytes("probe"), bytes(LEASE_MILLIS));
    }

    private @Nullable Object run(byte[] script, String key, byte[]... arguments) throws EngineException {
        CommandArguments command = new CommandArguments(Command.EVAL)
                .add(script)
                .add("2")
                .add(bytes("clowder:holder:" + key))
                .add(bytes("clowder:session:" + key));
        for (byte[] argument : arguments) {
            command.add(argument);
        }
        return ask(command);
    }

    /** Not with the pool of Jedis: it makes another connection, and waits for it, whenever one breaks. */
    private @Nullable Object ask(CommandArguments command) throws EngineException {
        if (!mayAsk()) {
            throw new EngineException(Kind.FAILED, "all " + CONNECTIONS + " connections are in use", null);
        }
        Connection used = idle.pollFirst();
        boolean whole = false;
        try {
            if (used == null) {
                used = new Connection(address, address.client());
            }
            Object answer = used.executeCommand(command);
            whole = true;
            return answer;
        } catch (JedisException e) {
            throw failure(e);
        } finally {
            if (whole) {
                idle.addFirst(used);
            } else {
                drop(used);
            }
            free.release();
        }
    }

    private boolean mayAsk() {
        try {
            return free.tryAcquire(CONNECT_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static void drop(@Nullable Connection connection) {
        try {
            if (connection != null) {
                connection.forceDisconnect();
            }
        } catch (IOException e) {
            // It is of no use any more.
        }
    }

    private static EngineException failure(JedisException e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String message = String.valueOf(root.getMessage());
        return new EngineException(kind(e, root, message), message, e);
    }

    private static Kind kind(JedisException e, Throwable root, String message) {
        boolean refused = message.startsWith("NOPERM") || message.startsWith("ERR DB index");
        if (refused || message.contains("AUTH") || root instanceof JedisAccessControlException) {
            return Kind.REFUSED;
        }
        boolean busy = root instanceof JedisBusyException
                || message.startsWith("LOADING")
                || message.startsWith("MASTERDOWN")
                || message.startsWith("READONLY");
        if (busy || (e instanceof JedisConnectionException && !(root instanceof JedisDataException))) {
            return Kind.UNREACHABLE;
        }
        // That there was no free connection in time, for instance.
        return root instanceof IOException ? Kind.UNREACHABLE : Kind.FAILED;
    }

    private static boolean isDone(@Nullable Object answer) {
        return answer instanceof Long number && number > 0;
    }

    private static byte[] script(String text) {
        return text.getBytes(UTF_8);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    private static byte[] bytes(long number) {
        return bytes(Long.toString(number));
    }

    @Override
    public void close() {
        forget();
    }
}
