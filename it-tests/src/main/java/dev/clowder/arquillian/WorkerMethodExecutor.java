package dev.clowder.arquillian;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.util.Collection;
import java.util.Objects;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Lock;
import org.jboss.arquillian.container.spi.client.protocol.metadata.HTTPContext;
import org.jboss.arquillian.container.test.spi.command.Command;
import org.jboss.arquillian.container.test.spi.command.CommandCallback;
import org.jboss.arquillian.protocol.servlet5.ServletMethodExecutor;
import org.jboss.arquillian.protocol.servlet5.ServletProtocolConfiguration;
import org.jspecify.annotations.Nullable;

/**
 * Runs test methods in whichever worker takes the connection.
 *
 * <p>A test inside the container may ask the client for something, for example for the injected URL, and waits in a
 * static field of its JVM until the client has fetched the question and posted the answer. Each of these requests is a
 * connection of its own and may reach any worker. The question tells where it is from, by the header of
 * {@code --expose-worker}; the answer is posted until that same worker has taken it. The stock executor posts it once,
 * and with two workers about every second question fails after 30 seconds.
 */
final class WorkerMethodExecutor extends ServletMethodExecutor {
    private static final String WORKER = "X-Clowder-Worker";
    // Connections are spread evenly; not to meet one of two workers in so many attempts means that it is gone.
    private static final int ATTEMPTS = 200;
    private static final int TIMEOUT_MILLIS = 10_000;

    private record Question(Command<?> command, @Nullable String worker) {}

    WorkerMethodExecutor(
            ServletProtocolConfiguration configuration, Collection<HTTPContext> contexts, CommandCallback callback) {
        super(configuration, contexts, callback);
    }

    /** Each test method on a connection of its own: the workers take them by turns, if connections are. */
    @Override
    protected void prepareHttpConnection(HttpURLConnection connection) {
        connection.setRequestProperty("Connection", "close");
    }

    /** Asks for questions until the returned timer is cancelled; none, if the interval is not positive. */
    @Override
    protected @Nullable Timer createCommandServicePullTimer(String eventUrl, Lock lock, AtomicBoolean cancelled) {
        Integer interval = config.getPullInMilliSeconds();
        if (interval == null || interval <= 0) {
            return null;
        }
        URI events = URI.create(eventUrl);
        Timer timer = new Timer("clowder-in-container-commands", true);
        timer.schedule(
                new TimerTask() {
                    @Override
                    public void run() {
                        lock.lock();
                        try {
                            if (!cancelled.get()) {
                                pull(events);
                            }
                        } finally {
                            lock.unlock();
                        }
                    }
                },
                0,
                interval);
        return timer;
    }

    private void pull(URI events) {
        try {
            Question question = fetch(events);
            if (question != null) {
                handle(question.command());
                answer(events, question);
            }
        } catch (IOException | ClassNotFoundException e) {
            // The test method's own request fails as well if the server is gone, and that is the one that is reported.
            System.getLogger(WorkerMethodExecutor.class.getName())
                    .log(System.Logger.Level.DEBUG, "no commands from " + events, e);
        }
    }

    // A question that fails here fails in the test that asked, instead of leaving it without an answer.
    private void handle(Command<?> command) {
        try {
            callback.fired(command);
        } catch (RuntimeException e) {
            command.setThrowable(e);
        }
    }

    private static @Nullable Question fetch(URI events) throws IOException, ClassNotFoundException {
        HttpURLConnection connection = open(events);
        try {
            if (connection.getResponseCode() != HttpURLConnection.HTTP_OK) {
                return null;
            }
            try (ObjectInputStream in = new ObjectInputStream(connection.getInputStream())) {
                return new Question((Command<?>) in.readObject(), connection.getHeaderField(WORKER));
            }
        } finally {
            connection.disconnect();
        }
    }

    // A worker that did not ask keeps the answer, unread, until its next question replaces it.
    private static void answer(URI events, Question question) throws IOException {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            HttpURLConnection connection = open(events);
            try {
                connection.setRequestMethod("POST");
                connection.setRequestProperty("Content-Type", "application/octet-stream");
                connection.setDoOutput(true);
                try (ObjectOutputStream out = new ObjectOutputStream(connection.getOutputStream())) {
                    out.writeObject(question.command());
                }
                connection.getResponseCode();
                if (Objects.equals(connection.getHeaderField(WORKER), question.worker())) {
                    return;
                }
            } finally {
                connection.disconnect();
            }
        }
        throw new IOException("worker " + question.worker() + " asked " + question.command() + " and is gone");
    }

    private static HttpURLConnection open(URI events) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) events.toURL().openConnection();
        connection.setUseCaches(false);
        connection.setConnectTimeout(TIMEOUT_MILLIS);
        connection.setReadTimeout(TIMEOUT_MILLIS);
        // Each attempt is a new connection, and a new chance to reach the right worker.
        connection.setRequestProperty("Connection", "close");
        return connection;
    }
}
