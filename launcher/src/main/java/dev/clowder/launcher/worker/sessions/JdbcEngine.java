package dev.clowder.launcher.worker.sessions;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import dev.clowder.launcher.worker.sessions.EngineException.Kind;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLIntegrityConstraintViolationException;
import java.sql.SQLNonTransientConnectionException;
import java.sql.SQLRecoverableException;
import java.sql.SQLTransientConnectionException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Sessions in a table of a database. Who has a session stands in its row, with the time until when; that time is the
 * database's, whatever the machines' clocks say. Each statement is a transaction of its own, so that a few connections do
 * for many requests.
 */
final class JdbcEngine implements Engine {
    /** Of each worker; a database has 100 or so for everybody. */
    private static final int CONNECTIONS = 4;

    private static final long IDLE_MILLIS = 60_000;
    private static final long MINUTE_MILLIS = 60_000;
    /** What was begun, and not stored within this time, never will be. */
    private static final long BEGUN_MILLIS = TimeUnit.DAYS.toMillis(1);
    /** Sessions that one sweep ends at most. */
    private static final int SWEPT = 200;

    /** {@code BINARY} is what a database calls bytes without a limit. */
    private static final String TABLE = "CREATE TABLE clowder_sessions (id VARCHAR(400) NOT NULL PRIMARY KEY,"
            + " holder VARCHAR(40), held_until BIGINT NOT NULL, version BIGINT NOT NULL, accessed BIGINT NOT NULL,"
            + " inactive INTEGER NOT NULL, expires BIGINT NOT NULL, data BINARY)";

    private static final String INDEX = "CREATE INDEX clowder_sessions_expires ON clowder_sessions (expires)";
    /** Of SQL: not allowed. */
    private static final String NOT_ALLOWED = "28000";

    private static final String TAKE = "UPDATE clowder_sessions SET holder = ?, held_until = ?"
            + " WHERE id = ? AND (held_until < ? OR holder = ?)";
    private static final String READ = "SELECT version, accessed, inactive, data FROM clowder_sessions WHERE id = ?";
    private static final String EXISTS = "SELECT 1 FROM clowder_sessions WHERE id = ?";
    private static final String BEGIN =
            "INSERT INTO clowder_sessions (id, holder, held_until, version, accessed, inactive, expires)"
                    + " VALUES (?, ?, ?, 0, 0, 0, ?)";
    private static final String SAVE = "UPDATE clowder_sessions SET data = ?, version = ?, accessed = ?, inactive = ?,"
            + " expires = ?, holder = NULL, held_until = 0 WHERE id = ? AND holder = ?";
    private static final String TOUCH = "UPDATE clowder_sessions SET accessed = ?, inactive = ?, expires = ?,"
            + " holder = NULL, held_until = 0 WHERE id = ? AND holder = ?";
    private static final String REMOVE = "DELETE FROM clowder_sessions WHERE id = ? AND holder = ?";
    private static final String RELEASE =
            "UPDATE clowder_sessions SET holder = NULL, held_until = 0 WHERE id = ? AND holder = ?";
    private static final String RENEW = "UPDATE clowder_sessions SET held_until = ? WHERE id = ? AND holder = ?";
    private static final String IDLE =
            "SELECT id FROM clowder_sessions WHERE expires < ? AND SUBSTRING(id, 1, ?) = ? AND held_until < ?";

    private final String url;
    private final HikariDataSource pool;
    private volatile Clock clock = new Clock(0, System.nanoTime());
    private volatile boolean tableSeen;

    /** @throws EngineException when no driver knows the URL */
    JdbcEngine(String url) throws EngineException {
        this.url = url;
        HikariConfig config = new HikariConfig();
        config.setPoolName("sessions");
        config.setDataSource(DriverConnections.to(url, CONNECT_MILLIS, ANSWER_MILLIS));
        config.setMaximumPoolSize(CONNECTIONS);
        config.setMinimumIdle(1);
        config.setIdleTimeout(IDLE_MILLIS);
        config.setConnectionTimeout(CONNECT_MILLIS);
        config.setValidationTimeout(CONNECT_MILLIS);
        // It may come later.
        config.setInitializationFailTimeout(-1);
        pool = new HikariDataSource(config);
    }

    @Override
    public Taken take(String key, String holder, boolean begin) throws EngineException {
        return with(connection -> {
            long now = now();
            if (begin && begin(connection, key, holder, now)) {
                return new Taken(Outcome.TAKEN, null);
            }
            if (update(connection, TAKE, holder, now + LEASE_MILLIS, key, now, holder) > 0) {
                return new Taken(Outcome.TAKEN, read(connection, key));
            }
            // Not there, and nobody may ask for it: that costs no writing. Begun meanwhile by others it is theirs.
            boolean there = begin || exists(connection, key);
            return new Taken(there ? Outcome.HELD : Outcome.ABSENT, null);
        });
    }

    private static boolean begin(Connection connection, String key, String holder, long now) throws SQLException {
        try {
            return update(connection, BEGIN, key, holder, now + LEASE_MILLIS, now + BEGUN_MILLIS) > 0;
        } catch (SQLException e) {
            if (isDuplicate(e)) {
                return false;
            }
            throw e;
        }
    }

    private static boolean isDuplicate(SQLException e) {
        String state = e.getSQLState();
        return e instanceof SQLIntegrityConstraintViolationException || (state != null && state.startsWith("23"));
    }

    private static boolean exists(Connection connection, String key) throws SQLException {
        try (PreparedStatement statement = prepare(connection, EXISTS, key);
                ResultSet found = statement.executeQuery()) {
            return found.next();
        }
    }

    private static @Nullable StoredSession read(Connection connection, String key) throws SQLException {
        try (PreparedStatement statement = prepare(connection, READ, key);
                ResultSet found = statement.executeQuery()) {
            byte[] data = found.next() ? found.getBytes(4) : null;
            return data == null ? null : new StoredSession(found.getLong(1), found.getLong(2), found.getInt(3), data);
        }
    }

    @Override
    public @Nullable StoredSession peek(String key) throws EngineException {
        List<StoredSession> found = new ArrayList<>(1);
        with(connection -> {
            StoredSession stored = read(connection, key);
            if (stored != null) {
                found.add(stored);
            }
            return found;
        });
        return found.isEmpty() ? null : found.get(0);
    }

    @Override
    public boolean save(String key, String holder, StoredSession session) throws EngineException {
        long expires = expires(session.accessed(), session.inactiveSeconds());
        return change(
                SAVE,
                session.data(),
                session.version(),
                session.accessed(),
                session.inactiveSeconds(),
                expires,
                key,
                holder);
    }

    @Override
    public boolean touch(String key, String holder, long accessed, int inactiveSeconds) throws EngineException {
        return change(TOUCH, accessed, inactiveSeconds, expires(accessed, inactiveSeconds), key, holder);
    }

    /** In whole minutes: most changes of a row then leave its index alone. */
    private static long expires(long accessed, int inactiveSeconds) {
        if (inactiveSeconds <= 0) {
            return Long.MAX_VALUE;
        }
        return ((accessed + inactiveSeconds * 1000L) / MINUTE_MILLIS + 1) * MINUTE_MILLIS;
    }

    @Override
    public boolean remove(String key, String holder) throws EngineException {
        return change(REMOVE, key, holder);
    }

    @Override
    public void release(String key, String holder) throws EngineException {
        change(RELEASE, key, holder);
    }

    @Override
    public void renew(String key, String holder) throws EngineException {
        change(RENEW, now() + LEASE_MILLIS, key, holder);
    }

    @Override
    public List<String> idle(String prefix, long now) throws EngineException {
        if (!maySweep("sweep " + prefix, UUID.randomUUID().toString())) {
            return List.of();
        }
        return with(connection -> {
            setClock(connection);
            List<String> keys = new ArrayList<>();
            try (PreparedStatement statement = prepare(connection, IDLE, now, prefix.length(), prefix, now())) {
                statement.setMaxRows(SWEPT);
                try (ResultSet found = statement.executeQuery()) {
                    while (found.next()) {
                        keys.add(found.getString(1));
                    }
                }
            }
            return keys;
        });
    }

    /** Nobody gives it back: its time ends, and then another worker may look. */
    private boolean maySweep(String key, String holder) throws EngineException {
        Outcome outcome = take(key, holder, false).outcome();
        // Only once in the life of the table.
        return (outcome == Outcome.ABSENT ? take(key, holder, true).outcome() : outcome) == Outcome.TAKEN;
    }

    @Override
    public void forget() {
        HikariPoolMXBean connections = pool.getHikariPoolMXBean();
        if (connections != null) {
            connections.softEvictConnections();
        }
    }

    @Override
    public void probe() throws EngineException {
        boolean ready = with(connection -> {
            setClock(connection);
            return tableSeen || hasTable(connection);
        });
        if (!ready) {
            with(this::makeTable);
        }
        tableSeen = true;
    }

    // The table

    private boolean hasTable(Connection connection) throws SQLException {
        try {
            exists(connection, "");
            return true;
        } catch (SQLException e) {
            if (kind(e) == Kind.UNREACHABLE) {
                throw e;
            }
            return false;
        }
    }

    private boolean makeTable(Connection connection) throws SQLException {
        String binary =
                switch (connection.getMetaData().getDatabaseProductName().toLowerCase(Locale.ROOT)) {
                    case "postgresql" -> "BYTEA";
                    case "mysql", "mariadb" -> "LONGBLOB";
                    default -> "BLOB";
                };
        String table = TABLE.replace("BINARY", binary);
        try (Statement statement = connection.createStatement()) {
            statement.execute(table);
            statement.execute(INDEX);
        } catch (SQLException e) {
            // Another worker may have been faster, also in the middle of this.
            if (kind(e) == Kind.UNREACHABLE || hasTable(connection)) {
                return true;
            }
            throw new SQLException(
                    "can't make its table (" + firstLine(e) + "); make it with: " + table + "; " + INDEX, NOT_ALLOWED);
        }
        return true;
    }

    // The clock

    private void setClock(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT CURRENT_TIMESTAMP");
                ResultSet found = statement.executeQuery()) {
            if (found.next()) {
                clock = new Clock(found.getTimestamp(1).getTime(), System.nanoTime());
            }
        }
    }

    private long now() {
        Clock read = clock;
        return read.millis() + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - read.nanos());
    }

    /** The database's time when this process's was that. */
    private record Clock(long millis, long nanos) {}

    // Statements

    private boolean change(String sql, Object... values) throws EngineException {
        return with(connection -> update(connection, sql, values)) > 0;
    }

    private static int update(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, values)) {
            return statement.executeUpdate();
        }
    }

    // Whoever calls it closes it.
    @SuppressWarnings("MustBeClosedChecker")
    private static PreparedStatement prepare(Connection connection, String sql, Object... values) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        for (int i = 0; i < values.length; i++) {
            Object value = values[i];
            if (value instanceof byte[] bytes) {
                statement.setBytes(i + 1, bytes);
            } else if (value instanceof Long number) {
                statement.setLong(i + 1, number);
            } else if (value instanceof Integer number) {
                statement.setInt(i + 1, number);
            } else {
                statement.setString(i + 1, value.toString());
            }
        }
        return statement;
    }

    /** What is done with one connection. */
    private interface Work<T> {
        T with(Connection connection) throws SQLException;
    }

    private <T> T with(Work<T> work) throws EngineException {
        try (Connection connection = pool.getConnection()) {
            return work.with(connection);
        } catch (SQLException e) {
            throw new EngineException(kind(e), shown(e), e);
        }
    }

    // What went wrong

    private Kind kind(SQLException e) {
        Throwable root = root(e);
        String state = root instanceof SQLException sql ? sql.getSQLState() : null;
        if (state != null && (state.startsWith("28") || state.equals("3D000"))) {
            return Kind.REFUSED;
        }
        if (isConnection(state) || root instanceof IOException || root instanceof SQLRecoverableException) {
            return Kind.UNREACHABLE;
        }
        if (root instanceof SQLTransientConnectionException) {
            // All connections are in use, or there are none.
            HikariPoolMXBean connections = pool.getHikariPoolMXBean();
            return connections != null && connections.getTotalConnections() > 0 ? Kind.FAILED : Kind.UNREACHABLE;
        }
        return root instanceof SQLNonTransientConnectionException ? Kind.UNREACHABLE : Kind.FAILED;
    }

    /** Connection exceptions; the server shuts down, starts, or has too many of them. */
    private static boolean isConnection(@Nullable String state) {
        return state != null && (state.startsWith("08") || state.startsWith("57P") || state.equals("53300"));
    }

    private static Throwable root(SQLException e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root;
    }

    private String shown(SQLException e) {
        return firstLine(root(e)).replace(url, "jdbc:...");
    }

    private static String firstLine(Throwable e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    @Override
    public void close() {
        pool.close();
    }
}
