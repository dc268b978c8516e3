package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.jna.LastErrorException;
import dev.clowder.launcher.config.ConfigException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What the supervisor tells systemd, and what it gets from it: readiness, reloads, the watchdog, listening sockets
 * (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)). Without systemd all of it is without effect.
 *
 * <p>The cluster is ready when its first worker is: clients are served from then on. The watchdog is fed by the
 * supervisor's own loop and by nothing else, so that it starves when the loop does.
 *
 * <p>Stands in front of another observer. For the supervisor's thread; what comes before its start may come from another.
 */
final class Systemd implements Observer, AutoCloseable {
    /** How each of our listening sockets is called in the descriptor store; what a socket unit passes has the unit's name. */
    static final String STORED = "clowder-listener";

    private static final List<String> VARIABLES = List.of(
            "NOTIFY_SOCKET",
            "WATCHDOG_USEC",
            "WATCHDOG_PID",
            "LISTEN_PID",
            "LISTEN_FDS",
            "LISTEN_FDNAMES",
            "LISTEN_PIDFDID",
            "FDSTORE",
            "MAINPID");
    private static final int FIRST_DESCRIPTOR = 3;
    private static final long AGAIN = TimeUnit.MILLISECONDS.toNanos(200);

    private final Map<String, String> environment;
    private final Observer next;
    private final String pid;
    /** Null if nobody wants to be told. */
    private final @Nullable NotifySocket socket;

    /** Nanoseconds between two signs of life, 0 for none. */
    private final long interval;

    private long nextSign = Long.MIN_VALUE;
    private State told = State.STARTING;
    private String toldStatus = "";
    private boolean owed;
    private boolean failed;

    /**
     * Reads what systemd has put into the environment.
     *
     * @param pid of this process: what is meant for another one is left alone
     * @param next learns all that this one does
     */
    Systemd(Map<String, String> environment, long pid, Observer next) {
        this.environment = environment;
        this.next = next;
        this.pid = String.valueOf(pid);
        socket = connect();
        interval = socket == null ? 0 : watchdog();
    }

    /** Takes everything of systemd's out of an environment: workers must not speak for the service. */
    static void hide(Map<String, String> environment) {
        VARIABLES.forEach(environment::remove);
    }

    /** A descriptor that systemd passed, and the name it gave to it. */
    record Passed(int descriptor, String name) {
        /** Whether it comes from the descriptor store, where this service has put it in an earlier life. */
        boolean isStored() {
            return name.equals(STORED);
        }
    }

    /**
     * The listening sockets that systemd passed, of socket units and of the store.
     *
     * @throws ConfigException if one is no listening TCP socket
     */
    List<Passed> listeners() throws ConfigException {
        List<Passed> all = passed();
        for (Passed one : all) {
            if (!NotifySocket.isTcpListener(one.descriptor())) {
                throw new ConfigException("LISTEN_FDS: the socket " + one.name()
                        + " that systemd passed is no listening TCP socket; use ListenStream= with a port");
            }
        }
        return all;
    }

    private List<Passed> passed() throws ConfigException {
        if (!pid.equals(environment.get("LISTEN_PID"))) {
            return List.of();
        }
        String count = environment.getOrDefault("LISTEN_FDS", "0");
        if (!count.matches("\\d{1,4}")) {
            throw new ConfigException("LISTEN_FDS=" + count + ": not a number");
        }
        String[] names = environment.getOrDefault("LISTEN_FDNAMES", "").split(":", -1);
        List<Passed> passed = new ArrayList<>();
        for (int i = 0; i < Integer.parseInt(count); i++) {
            String name = i < names.length && !names[i].isEmpty() ? names[i] : "unknown";
            passed.add(new Passed(FIRST_DESCRIPTOR + i, name));
        }
        return passed;
    }

    /** Leaves a copy of a listening socket with systemd: after a restart, clients have waited instead of been refused. */
    void store(OptionalInt listener) {
        if (socket != null && listener.isPresent()) {
            send("FDSTORE=1\nFDNAME=" + STORED, listener.getAsInt());
        }
    }

    /** No stored socket is wanted any more. */
    void forget() {
        send("FDSTOREREMOVE=1\nFDNAME=" + STORED, NotifySocket.NONE);
    }

    @Override
    public void log(String line) {
        next.log(line);
    }

    @Override
    public void event(ClusterEvent event) {
        next.event(event);
    }

    @Override
    public void changed(WorkerEvent event) {
        next.changed(event);
    }

    /** Tells what is news; what systemd could not take is told again. */
    @Override
    public void state(State state, int ready, int wanted) {
        next.state(state, ready, wanted);
        if (socket == null) {
            return;
        }
        String status = "STATUS=" + state.text() + ", " + ready + " of " + wanted + " workers ready";
        if (state == told && status.equals(toldStatus)) {
            return;
        }
        owed = !send((state == told ? "" : state(state)) + status, NotifySocket.NONE);
        if (!owed) {
            told = state;
            toldStatus = status;
        }
    }

    private static String state(State state) {
        return switch (state) {
            case STARTING -> "";
            case RUNNING -> "READY=1\n";
            // The clock of nanoTime is CLOCK_MONOTONIC, which systemd wants to see.
            case RELOADING -> "RELOADING=1\nMONOTONIC_USEC=" + TimeUnit.NANOSECONDS.toMicros(System.nanoTime()) + "\n";
            case STOPPING -> "STOPPING=1\n";
        };
    }

    @Override
    public long awake(long now) {
        long wake = next.awake(now);
        if (interval > 0) {
            if (nextSign == Long.MIN_VALUE || now - nextSign >= 0) {
                send("WATCHDOG=1", NotifySocket.NONE);
                nextSign = now + interval;
            }
            wake = Math.min(wake, nextSign);
        }
        return owed ? Math.min(wake, now + AGAIN) : wake;
    }

    @Override
    public void close() {
        if (socket != null) {
            socket.close();
        }
    }

    private @Nullable NotifySocket connect() {
        String address = environment.get("NOTIFY_SOCKET");
        if (address == null || address.isEmpty()) {
            return null;
        }
        if (!address.startsWith("/") && !address.startsWith("@")) {
            next.log("NOTIFY_SOCKET=" + address + ": not a Unix socket, systemd is told nothing");
            return null;
        }
        try {
            return new NotifySocket(address);
        } catch (LastErrorException | LinkageError e) {
            next.log("NOTIFY_SOCKET=" + address + ": can't be used, systemd is told nothing (" + e.getMessage() + ")");
            return null;
        }
    }

    /** Half of the time within which systemd wants to hear of us, as sd_watchdog_enabled(3) recommends. */
    private long watchdog() {
        String time = environment.getOrDefault("WATCHDOG_USEC", "");
        if (!time.matches("[1-9]\\d{0,14}")
                || !environment.getOrDefault("WATCHDOG_PID", pid).equals(pid)) {
            return 0;
        }
        return TimeUnit.MICROSECONDS.toNanos(Long.parseLong(time)) / 2;
    }

    private boolean send(String text, int descriptor) {
        if (socket == null) {
            return true;
        }
        try {
            socket.send(text.getBytes(UTF_8), descriptor);
            failed = false;
            return true;
        } catch (LastErrorException e) {
            if (!failed) {
                next.log("can't tell systemd " + Arrays.toString(text.split("\n", -1)) + ": " + e.getMessage());
            }
            failed = true;
            return false;
        }
    }
}
