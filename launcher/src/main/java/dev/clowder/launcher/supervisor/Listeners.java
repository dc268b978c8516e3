package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.acceptor.Acceptor;
import dev.clowder.launcher.acceptor.WorkerIntake;
import dev.clowder.launcher.config.AcceptMode;
import dev.clowder.launcher.config.Certificate;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.Listener;
import dev.clowder.launcher.wire.Message;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The ports of a cluster: an {@link Acceptor} for each, all of one mode. They are bound together or not at all, and live
 * and end together. Thread-safe as acceptors are.
 */
final class Listeners implements AutoCloseable {
    private final List<Bound> all;

    /** A port that was wanted, and the one there is. */
    private record Bound(Listener wanted, Acceptor acceptor) {}

    /** Goes on with what is bound already. */
    Listeners(List<Listener> wanted, List<Acceptor> acceptors) {
        List<Bound> bound = new ArrayList<>();
        for (int i = 0; i < wanted.size(); i++) {
            bound.add(new Bound(wanted.get(i), acceptors.get(i)));
        }
        all = List.copyOf(bound);
    }

    /**
     * Takes the sockets that systemd passed and binds the other ports.
     *
     * @throws ConfigException if a socket of a unit belongs to none of them; nothing is bound then
     * @throws RunningCluster.StartException if a port can't be had now; nothing is bound then
     */
    static Listeners open(AcceptMode accept, List<Listener> wanted, Systemd systemd, List<Systemd.Passed> passed)
            throws ConfigException, RunningCluster.StartException {
        Map<Listener, Acceptor> opened = new HashMap<>();
        boolean complete = false;
        try {
            inheritAll(accept, wanted, systemd, passed, opened);
            List<Acceptor> acceptors = new ArrayList<>();
            AcceptMode mode = accept;
            for (Listener listener : wanted) {
                Acceptor acceptor = opened.get(listener);
                if (acceptor == null) {
                    acceptor = bind(mode, listener, systemd);
                    opened.put(listener, acceptor);
                    systemd.store(acceptor.descriptor());
                }
                acceptors.add(acceptor);
                mode = acceptor.mode();
            }
            complete = true;
            return new Listeners(wanted, acceptors);
        } finally {
            if (!complete) {
                opened.values().forEach(Acceptor::close);
            }
        }
    }

    private static void inheritAll(
            AcceptMode accept,
            List<Listener> wanted,
            Systemd systemd,
            List<Systemd.Passed> passed,
            Map<Listener, Acceptor> opened)
            throws ConfigException, RunningCluster.StartException {
        List<Acceptor> stored = new ArrayList<>();
        boolean unwanted = false;
        List<Systemd.Passed> unitsFirst = new ArrayList<>(passed);
        unitsFirst.sort(Comparator.comparing(Systemd.Passed::isStored));
        for (Systemd.Passed one : unitsFirst) {
            Acceptor inherited;
            try {
                inherited = Acceptor.inherit(accept, one.descriptor());
            } catch (IOException e) {
                throw new RunningCluster.StartException(String.valueOf(e.getMessage()));
            }
            InetSocketAddress address = inherited.address();
            Listener listener = find(wanted, opened, address);
            if (listener != null) {
                opened.put(listener, inherited);
                if (one.isStored()) {
                    stored.add(inherited);
                }
                continue;
            }
            // Clients would wait in a queue from which nobody accepts.
            inherited.close();
            if (!one.isStored()) {
                throw new ConfigException("the socket " + one.name() + " that systemd passed listens on "
                        + text(address) + ", which is not asked for (" + options(wanted)
                        + "); change the socket unit, or leave the option out");
            }
            unwanted = true;
        }
        if (unwanted) {
            // They can only be given up together.
            systemd.forget();
            stored.forEach(kept -> systemd.store(kept.descriptor()));
        }
    }

    /** Who asked for this address and has none yet: by its very port, else whoever left the port open. */
    private static @Nullable Listener find(
            List<Listener> wanted, Map<Listener, Acceptor> opened, InetSocketAddress address) {
        Listener open = null;
        for (Listener listener : wanted) {
            InetSocketAddress asked = listener.address();
            boolean fits =
                    asked.getAddress().isAnyLocalAddress() || asked.getAddress().equals(address.getAddress());
            if (!fits || opened.containsKey(listener)) {
                continue;
            }
            boolean isOpen = !listener.portGiven() || asked.getPort() == 0;
            if (!isOpen && asked.getPort() == address.getPort()) {
                return listener;
            }
            open = isOpen && open == null ? listener : open;
        }
        return open;
    }

    /** What was asked for, as it was typed. */
    private static String options(List<Listener> wanted) {
        List<String> options = new ArrayList<>();
        for (Listener listener : wanted) {
            options.add(listener.option()
                    + (listener.portGiven() ? " " + listener.address().getPort() : ""));
        }
        InetSocketAddress address = wanted.get(0).address();
        if (!address.getAddress().isAnyLocalAddress()) {
            options.add("--address " + address.getAddress().getHostAddress());
        }
        return String.join(", ", options);
    }

    private static Acceptor bind(AcceptMode mode, Listener listener, Observer observer)
            throws RunningCluster.StartException {
        InetSocketAddress wanted = listener.address();
        try {
            return Acceptor.bind(mode, wanted, observer::log);
        } catch (IOException e) {
            String message = String.valueOf(e.getMessage());
            String where = "can't listen on " + wanted.getAddress().getHostAddress() + " port " + wanted.getPort();
            if (message.contains("Permission denied")) {
                throw new RunningCluster.StartException(
                        where + ": permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE,"
                                + " or choose another with " + listener.option());
            }
            if (message.contains("Address already in use")) {
                throw new RunningCluster.StartException(
                        where + ": in use by another process; stop it or choose another with " + listener.option());
            }
            throw new RunningCluster.StartException(where + ": " + message);
        }
    }

    /** Leaves copies of all with systemd. */
    void store(Systemd systemd) {
        all.forEach(bound -> systemd.store(bound.acceptor().descriptor()));
    }

    /** How connections reach workers: never {@link AcceptMode#AUTO}. */
    AcceptMode mode() {
        return all.get(0).acceptor().mode();
    }

    /** Where clients connect, in the order of the configuration. */
    List<InetSocketAddress> addresses() {
        return all.stream().map(bound -> bound.acceptor().address()).toList();
    }

    /** Begins to serve workers. */
    void start(RunDirectory directory) throws IOException {
        for (int i = 0; i < all.size(); i++) {
            all.get(i).acceptor().start(directory.listener(i));
        }
    }

    /** What one worker has to know of them. */
    List<Message.Listener> of(int worker, RunDirectory directory) {
        List<Message.Listener> listeners = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            listeners.add(new Message.Listener(
                    all.get(i).acceptor().address().getPort(),
                    directory.intake(worker, i).toString(),
                    mode() == AcceptMode.RELAY ? "" : directory.listener(i).toString(),
                    certificate(all.get(i).wanted())));
        }
        return listeners;
    }

    private static Message.@Nullable Certificate certificate(Listener listener) {
        Certificate certificate = listener.certificate();
        return certificate == null
                ? null
                : new Message.Certificate(
                        certificate.chain().toString(), certificate.key().toString());
    }

    /** Names the workers that are ready for connections; replaces those named before. Never blocks. */
    void ready(List<Integer> workers, RunDirectory directory) {
        for (int i = 0; i < all.size(); i++) {
            int index = i;
            all.get(i)
                    .acceptor()
                    .ready(workers.stream()
                            .map(worker -> new WorkerIntake(worker, directory.intake(worker, index)))
                            .toList());
        }
    }

    /** Lets the ports go. Connections that already reached a worker are not touched. */
    void stop() {
        all.forEach(bound -> bound.acceptor().stop());
    }

    /** Frees everything, relayed connections too. */
    @Override
    public void close() {
        all.forEach(bound -> bound.acceptor().close());
    }

    /** As {@code status} shows them. */
    List<Status.ListenerStatus> status() {
        return all.stream()
                .map(bound -> new Status.ListenerStatus(
                        NetUtil.toAddressString(bound.acceptor().address().getAddress()),
                        bound.acceptor().address().getPort(),
                        bound.wanted().protocol(),
                        mode().toString()))
                .toList();
    }

    /** Where clients connect, for people. */
    @Override
    public String toString() {
        return String.join(
                " and ",
                all.stream()
                        .map(bound -> text(bound.acceptor().address())
                                + (bound.wanted().tls() ? " (TLS)" : ""))
                        .toList());
    }

    private static String text(InetSocketAddress address) {
        return NetUtil.toAddressString(address.getAddress()) + " port " + address.getPort();
    }
}
