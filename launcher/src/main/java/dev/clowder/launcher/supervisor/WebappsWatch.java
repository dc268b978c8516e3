package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.installed.ServerXml.WebappHost;
import dev.clowder.launcher.wire.Message;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Asks for a deploy when somebody adds, replaces or removes an application in the directories of an installed Tomcat: on
 * all workers, one by one, with the protection of a bad deploy. Workers themselves never look ({@code autoDeploy} is
 * off). A change is taken when nothing has moved for one more look, so that no archive is read while it is copied.
 */
final class WebappsWatch implements AutoCloseable {
    private static final long LOOK_SECONDS = 2;

    private final List<WebappHost> hosts;
    private final Consumer<Event> events;
    private final Thread thread = new Thread(this::run, "webapps");
    /** What runs, or was refused. */
    private String known;

    private WebappsWatch(List<WebappHost> hosts, String known, Consumer<Event> events) {
        this.hosts = hosts;
        this.known = known;
        this.events = events;
        thread.setDaemon(true);
    }

    /**
     * Begins to look.
     *
     * @param known what {@link Webapps#fingerprint} said before the applications of the first generation were copied
     */
    static WebappsWatch start(List<WebappHost> hosts, String known, Consumer<Event> events) {
        WebappsWatch watch = new WebappsWatch(hosts, known, events);
        watch.thread.start();
        return watch;
    }

    @Override
    public void close() {
        thread.interrupt();
    }

    private void run() {
        String before = known;
        try {
            while (true) {
                TimeUnit.SECONDS.sleep(LOOK_SECONDS);
                String now = Webapps.fingerprint(hosts);
                if (now.equals(before) && !now.equals(known) && isDecided()) {
                    known = now;
                }
                before = now;
            }
        } catch (InterruptedException e) {
            // The cluster stops.
        }
    }

    /** Whether it was deployed or refused for what it is; if not, something else was under way. */
    private boolean isDecided() throws InterruptedException {
        CompletableFuture<Message.Reply> reply = new CompletableFuture<>();
        events.accept(new Event.Asked(new Message.Command("deploy", List.of()), new Answer(reply)));
        try {
            return reply.get().exitCode() != Supervisor.BUSY;
        } catch (ExecutionException e) {
            return false;
        }
    }
}
