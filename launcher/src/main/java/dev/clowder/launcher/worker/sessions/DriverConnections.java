package dev.clowder.launcher.worker.sessions;

import dev.clowder.launcher.worker.sessions.EngineException.Kind;
import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.Driver;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.util.Properties;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Connections of one driver, which is looked for in the launcher and in the {@code lib} of an installed Tomcat. Java's own
 * {@code DriverManager} has time-outs for the whole process, which are the applications'. Any thread.
 */
final class DriverConnections implements DataSource {
    private final Driver driver;
    private final String url;
    private final Properties properties;
    private final int answerMillis;

    private DriverConnections(Driver driver, String url, Properties properties, int answerMillis) {
        this.driver = driver;
        this.url = url;
        this.properties = properties;
        this.answerMillis = answerMillis;
    }

    /** @throws EngineException when there is no driver for the URL */
    static DriverConnections to(String url, int connectMillis, int answerMillis) throws EngineException {
        Driver driver = find(url);
        Properties properties = new Properties();
        if (url.startsWith("jdbc:postgresql:")) {
            // In seconds; what the URL says wins.
            properties.setProperty("connectTimeout", String.valueOf(Math.max(1, connectMillis / 1000)));
            properties.setProperty("socketTimeout", String.valueOf(Math.max(1, answerMillis / 1000)));
            properties.setProperty("tcpKeepAlive", "true");
            properties.setProperty("ApplicationName", "clowder");
        }
        return new DriverConnections(driver, url, properties, answerMillis);
    }

    private static Driver find(String url) throws EngineException {
        // Asked for services, the loader of a worker on an installed Tomcat says the launcher's only.
        for (ClassLoader loader = DriverConnections.class.getClassLoader();
                loader != null;
                loader = loader.getParent()) {
            Driver found = find(url, loader);
            if (found != null) {
                return found;
            }
        }
        String kind = url.replaceFirst("(jdbc:[^:]*:).*", "$1");
        throw new EngineException(
                Kind.REFUSED, "no driver for " + kind + "; put its jar into the lib of the installed Tomcat", null);
    }

    private static @Nullable Driver find(String url, ClassLoader loader) {
        try {
            for (Driver driver : ServiceLoader.load(Driver.class, loader)) {
                if (driver.acceptsURL(url)) {
                    return driver;
                }
            }
        } catch (SQLException | ServiceConfigurationError e) {
            // It is none for this URL.
        }
        return null;
    }

    @Override
    public Connection getConnection() throws SQLException {
        Connection connection = driver.connect(url, properties);
        if (connection == null) {
            throw new SQLException("the driver does not take the URL");
        }
        try {
            connection.setNetworkTimeout(Runnable::run, answerMillis);
        } catch (SQLFeatureNotSupportedException e) {
            // Then its URL has to say it.
        }
        return connection;
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
        throw new SQLFeatureNotSupportedException("the URL names the user");
    }

    /** {@inheritDoc} Without effect: Hikari says it of all, and drivers would say it to all. */
    @Override
    public void setLoginTimeout(int seconds) {
        // See above.
    }

    @Override
    public int getLoginTimeout() {
        return 0;
    }

    @Override
    public @Nullable PrintWriter getLogWriter() {
        return null;
    }

    @Override
    public void setLogWriter(PrintWriter writer) {
        // Nothing is written.
    }

    @Override
    public Logger getParentLogger() throws SQLFeatureNotSupportedException {
        throw new SQLFeatureNotSupportedException("no logger of its own");
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        throw new SQLException("wraps nothing");
    }

    @Override
    public boolean isWrapperFor(Class<?> type) {
        return false;
    }
}
