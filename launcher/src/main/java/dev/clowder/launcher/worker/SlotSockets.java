package dev.clowder.launcher.worker;

import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.juli.logging.Log;
import org.apache.juli.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * Where the workers of a cluster find each other: {@code sessions-SLOT.sock} in the run directory is always the socket of
 * the worker that has the sessions of that slot, a second name of that worker's own socket, given by renaming. So every
 * worker finds the owner by connecting, and a dead one by being refused. Immutable, thread-safe.
 */
final class SlotSockets {
    private static final Log LOG = LogFactory.getLog(SlotSockets.class);

    private final Path directory;
    private final Path own;

    /**
     * @param directory of the cluster
     * @param id of this worker
     */
    SlotSockets(Path directory, int id) {
        this.directory = directory;
        this.own = directory.resolve("worker-" + id + "-s.sock");
    }

    /** The socket of this worker. */
    Path own() {
        return own;
    }

    Path name(int slot) {
        return directory.resolve("sessions-" + slot + ".sock");
    }

    /** From now on this worker is found under the name of a slot. */
    void claim(int slot) throws IOException {
        Path next = directory.resolve("sessions-" + slot + "-" + own.getFileName());
        Files.deleteIfExists(next);
        Files.createLink(next, own);
        Files.move(next, name(slot), StandardCopyOption.ATOMIC_MOVE);
        Files.deleteIfExists(next);
    }

    /** Whether this worker is still found there; yes if that can't be told. */
    boolean isMine(int slot) {
        try {
            return Files.isSameFile(name(slot), own);
        } catch (IOException e) {
            LOG.debug("can't tell who has slot " + slot, e);
            return true;
        }
    }

    /** The names of all slots but these. */
    List<Path> others(Set<Integer> slots) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.getFileName().toString().matches("sessions-\\d+\\.sock"))
                    .filter(file -> slots.stream().noneMatch(slot -> file.equals(name(slot))))
                    .toList();
        } catch (IOException e) {
            LOG.debug("can't tell who else is there", e);
            return List.of();
        }
    }

    /**
     * A connection to the worker that has the sessions of a slot; null if nobody has.
     *
     * @throws IOException if that can't be told now
     */
    @Nullable
    SocketChannel owner(int slot) throws IOException {
        return connect(name(slot));
    }

    /** Without waiting; null if nobody listens there. */
    static @Nullable SocketChannel connect(Path socket) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.configureBlocking(false);
            if (channel.connect(UnixDomainSocketAddress.of(socket))) {
                channel.configureBlocking(true);
                return channel;
            }
        } catch (ConnectException e) {
            SessionPeers.close(channel);
            return null;
        } catch (IOException e) {
            SessionPeers.close(channel);
            if (Files.notExists(socket)) {
                return null;
            }
            throw e;
        }
        SessionPeers.close(channel);
        throw new IOException("too many wait at " + socket);
    }
}
