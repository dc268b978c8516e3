package dev.clowder.launcher.worker;

import dev.clowder.launcher.wire.Message;
import org.apache.catalina.Context;
import org.apache.catalina.Lifecycle;
import org.apache.catalina.LifecycleEvent;
import org.apache.catalina.LifecycleListener;
import org.apache.catalina.Manager;
import org.apache.catalina.session.StandardManager;

/**
 * Gives each application the {@code Manager} of its sessions, as {@code --sessions} says. One that configures its own
 * keeps it. Sessions are never written to a directory, which N workers share.
 */
final class SessionHome implements LifecycleListener {
    private final String mode;

    SessionHome(Message.Sessions sessions) {
        this.mode = sessions.mode();
    }

    /** When the descriptors of the application are read, and its manager is not started. */
    @Override
    public void lifecycleEvent(LifecycleEvent event) {
        if (event.getType().equals(Lifecycle.CONFIGURE_START_EVENT)
                && event.getLifecycle() instanceof Context context) {
            furnish(context);
        }
    }

    private void furnish(Context context) {
        Manager own = context.getManager();
        if (own instanceof StandardManager standard) {
            // Also without being told Tomcat would write them to SESSIONS.ser at the end.
            standard.setPathname(null);
        } else if (own == null && !isReplicatedByServerXml(context)) {
            context.setManager(create(mode()));
        }
    }

    /** What {@code auto} means for this application. */
    private String mode() {
        if (mode.equals("auto")) {
            return "sticky";
        }
        return mode;
    }

    private static Manager create(String mode) {
        return switch (mode) {
            case "local", "sticky" -> withoutFile(new StandardManager());
            default -> throw new IllegalArgumentException(mode);
        };
    }

    private static Manager withoutFile(StandardManager sessions) {
        sessions.setPathname(null);
        return sessions;
    }

    /** Then the {@code <Cluster>} of its {@code server.xml} will give it a manager. */
    private static boolean isReplicatedByServerXml(Context context) {
        return context.getDistributable()
                && (context.getParent().getCluster() != null
                        || context.getParent().getParent().getCluster() != null);
    }
}
