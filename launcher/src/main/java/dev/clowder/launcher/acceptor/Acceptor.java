package dev.clowder.launcher.acceptor;

import dev.clowder.launcher.config.AcceptMode;
import io.netty.channel.epoll.EpollServerSocketChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;

/** The supervisor's side of the port: bound once, for as long as the cluster runs, whatever happens to workers. */
public interface Acceptor extends AutoCloseable {

    /** How many connections may wait while no worker accepts; the kernel caps it (net.core.somaxconn). */
    int BACKLOG = 4096;

    /** The address that was bound, with the port that the kernel chose if 0 was asked for. */
    InetSocketAddress address();

    /** The descriptor of the listening socket in this process, where the platform shows it. */
    default OptionalInt descriptor() {
        return OptionalInt.empty();
    }

    /** How connections reach workers: never {@link AcceptMode#AUTO}. */
    AcceptMode mode();

    /**
     * Begins to serve workers.
     *
     * @param listeners path of the Unix socket at which a worker asks for the listening socket or for connections,
     *     where the mode has one
     */
    void start(Path listeners) throws IOException;

    /** Names the workers that are ready for connections; replaces those named before. Never blocks. */
    void ready(List<WorkerIntake> workers);

    /** Lets the port go. Connections that already reached a worker are not touched. */
    void stop();

    /** Frees everything, relayed connections too. */
    @Override
    void close();

    /** Loads the native library, if there is one for this platform. */
    @SuppressWarnings("CheckReturnValue") // Looking is what loads it.
    static void prepare() {
        SharedAcceptor.available();
    }

    /**
     * Binds the address.
     *
     * @param log told in one line when {@code auto} has to fall back, and when accepting pauses; called by any thread
     * @throws IOException if the address can't be bound, or the mode is not available here
     */
    static Acceptor bind(AcceptMode mode, InetSocketAddress address, Consumer<String> log) throws IOException {
        if (mode != AcceptMode.RELAY && SharedAcceptor.available()) {
            return mode == AcceptMode.ROUND_ROBIN || mode == AcceptMode.LEAST_CONNECTIONS
                    ? new HandoverAcceptor(mode, address, BACKLOG, log)
                    : new SharedAcceptor(address, BACKLOG);
        }
        if (mode != AcceptMode.RELAY && mode != AcceptMode.AUTO) {
            throw new IOException(
                    "--accept " + mode + " is not available here, use relay (" + SharedAcceptor.obstacle() + ")");
        }
        if (mode == AcceptMode.AUTO) {
            log.accept("accept: relay, because listening sockets can't be shared between processes here ("
                    + SharedAcceptor.obstacle() + ")");
        }
        return new RelayAcceptor(address, BACKLOG, log);
    }

    /**
     * Takes listening sockets back from workers that outlived the supervisor which bound them. Clients notice nothing.
     *
     * @param orphans path of the Unix socket at which such a worker offers them
     * @param addresses where they must be bound; a socket that is bound elsewhere is refused
     * @param atMost how long to wait for all of them
     * @return one for each address, in their order; none when not all came in time
     * @throws IOException if the path can't be bound
     */
    static List<Acceptor> takeOver(Path orphans, List<InetSocketAddress> addresses, Duration atMost)
            throws IOException, InterruptedException {
        List<Acceptor> acceptors = new ArrayList<>();
        for (EpollServerSocketChannel listener : new OrphanedListeners(addresses).await(orphans, atMost)) {
            acceptors.add(new SharedAcceptor(listener));
        }
        return acceptors;
    }

    /** Whether listening sockets can be shared between processes, and so can outlive a supervisor. */
    static boolean canShare() {
        return SharedAcceptor.available();
    }

    /**
     * Takes over a listening socket that this process was born with; it is closed with the acceptor.
     *
     * @throws IOException if the mode can't do that here
     */
    static Acceptor inherit(AcceptMode mode, int descriptor) throws IOException {
        if ((mode != AcceptMode.SHARED && mode != AcceptMode.AUTO) || !SharedAcceptor.available()) {
            throw new IOException("a socket passed by systemd can be used with --accept shared only"
                    + (SharedAcceptor.available() ? "" : " (" + SharedAcceptor.obstacle() + ")"));
        }
        return new SharedAcceptor(descriptor);
    }
}
