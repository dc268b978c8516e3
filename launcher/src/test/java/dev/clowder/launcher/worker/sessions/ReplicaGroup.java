package dev.clowder.launcher.worker.sessions;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.catalina.Manager;

/** Some workers' copies of sessions in one process, over real channels, and what the supervisor does for them. */
public final class ReplicaGroup implements AutoCloseable {
    static final String KEY = "000102030405060708090a0b0c0d0e0f";

    private final Path directory;
    private final Map<Integer, Message.Replica> members = new ConcurrentHashMap<>();
    private final List<Replicas> joined = new ArrayList<>();
    private final Set<Integer> lost = ConcurrentHashMap.newKeySet();

    public ReplicaGroup(Path directory) {
        this.directory = directory;
    }

    /** One more; its locks are its own, since within one process the kernel's exclude nobody. */
    public Replicas join(int id) throws IOException {
        return join(id, "locks." + id);
    }

    /** The same with a file of locks that may be that of another one. */
    Replicas join(int id, String lockFile) throws IOException {
        AtomicReference<Replicas> self = new AtomicReference<>();
        Replicas replicas = new Replicas(id, said -> answer(self.get(), said), directory, lockFile);
        self.set(replicas);
        joined.add(replicas);
        replicas.join();
        return replicas;
    }

    private void answer(Replicas replicas, Message said) {
        if (said instanceof Message.JoinReplicas) {
            replicas.obey(new Message.ReplicaKey(KEY));
        } else if (said instanceof Message.Replica own) {
            replicas.obey(new Message.Replicas(List.copyOf(members.values())));
            members.put(own.id(), own);
        } else if (said instanceof Message.ReplicaLost gone) {
            lost.add(gone.id());
        }
    }

    /** A member that is not one of ours: whoever joins is told of it. */
    void add(int id) {
        members.put(id, new Message.Replica(id, KEY));
    }

    /** Does to a session what a worker does that has not used it for a minute. */
    public static void forget(Manager sessions, String id) {
        ((SharedSessions) sessions).forget(id);
    }

    /** The bytes of a session that a worker has. */
    public static String text(SessionStore store, String key) {
        StoredSession stored = store.peek(key);
        return stored == null ? "nothing" : new String(stored.data(), ISO_8859_1);
    }

    /** Those that were reported. */
    Set<Integer> lost() {
        return lost;
    }

    @Override
    public void close() {
        joined.forEach(Replicas::close);
    }
}
