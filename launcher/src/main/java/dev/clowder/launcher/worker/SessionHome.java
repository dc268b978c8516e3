package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Message;
import dev.clowder.launcher.worker.sessions.Replicas;
import dev.clowder.launcher.worker.sessions.SessionRefusal;
import dev.clowder.launcher.worker.sessions.SessionStore;
import dev.clowder.launcher.worker.sessions.SharedSessions;
import dev.clowder.launcher.worker.sessions.SharedSessionsValve;
import java.io.IOException;
import org.apache.catalina.Context;
import org.apache.catalina.Engine;
import org.apache.catalina.Lifecycle;
import org.apache.catalina.LifecycleEvent;
import org.apache.catalina.LifecycleListener;
import org.apache.catalina.Manager;
import org.apache.catalina.session.StandardManager;
import org.jspecify.annotations.Nullable;

/**
 * Gives each application the {@code Manager} of its sessions, as {@code --sessions} says. One that configures its own
 * keeps it as it is, also the file that it may name for its sessions; Tomcat 10.1 and later write none otherwise.
 */
final class SessionHome implements LifecycleListener {
    private final String mode;
    private final @Nullable SessionPeers peers;
    private final Replicas replicas;
    private final @Nullable SessionStore engine;

    /** There has been an application whose sessions are shared. Until then no request need look for one. */
    private volatile boolean sharing;

    /**
     * @param peers the other workers, to which sticky sessions move; null if nothing can
     * @param replicas joined when the first application wants them
     * @param engine outside of the workers that keeps sessions; null if there is none
     */
    SessionHome(
            Message.Sessions sessions, @Nullable SessionPeers peers, Replicas replicas, @Nullable SessionStore engine) {
        this.engine = engine;
        this.mode = sessions.mode();
        this.peers = peers;
        this.replicas = replicas;
    }

    /**
     * Twice for each application: before its descriptors are read, since they may add valves that use sessions; and behind
     * that, before its manager is started.
     */
    @Override
    public void lifecycleEvent(LifecycleEvent event) {
        if (!(event.getLifecycle() instanceof Context context)) {
            return;
        }
        if (event.getType().equals(Lifecycle.BEFORE_INIT_EVENT) && mayShare()) {
            context.getPipeline().addValve(new SessionRefusal(() -> sharing));
        } else if (event.getType().equals(Lifecycle.CONFIGURE_START_EVENT)) {
            furnish(context);
        }
    }

    /** Before anything else is put into the engine: all that uses sessions is to be behind this. */
    void watch(Engine engine) {
        if (mayShare()) {
            engine.getPipeline().addValve(new SharedSessionsValve(() -> sharing));
        }
    }

    private boolean mayShare() {
        return !mode.equals("local") && !mode.equals("sticky");
    }

    private void furnish(Context context) {
        if (context.getManager() == null && !isReplicatedByServerXml(context)) {
            context.setManager(create(mode(context)));
        }
    }

    /** What {@code auto} means for this application. */
    private String mode(Context context) {
        if (mode.equals("auto")) {
            return context.getDistributable() ? "replicated" : "sticky";
        }
        return mode;
    }

    private Manager create(String wanted) {
        if (engine != null) {
            return sharing(engine);
        }
        return switch (wanted) {
            case "local" -> new StandardManager();
            case "sticky" -> peers == null ? new StandardManager() : new StickySessions(peers);
            case "replicated" -> replicated();
            default -> throw new IllegalArgumentException(wanted);
        };
    }

    private Manager replicated() {
        try {
            replicas.join();
        } catch (IOException e) {
            throw new IllegalStateException("--sessions replicated: " + e.getMessage(), e);
        }
        return sharing(replicas);
    }

    private Manager sharing(SessionStore store) {
        sharing = true;
        return new SharedSessions(store);
    }

    /** Then the {@code <Cluster>} of its {@code server.xml} will give it a manager. */
    private static boolean isReplicatedByServerXml(Context context) {
        return context.getDistributable()
                && (context.getParent().getCluster() != null
                        || context.getParent().getParent().getCluster() != null);
    }
}
