package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.App;
import dev.clowder.launcher.wire.Message;
import java.util.List;

/**
 * One version of the applications: what was named, and the copy of it that workers run. Immutable; later ones have a
 * higher number.
 *
 * @param mounts for the launcher's own Tomcat
 * @param sites for an installed Tomcat
 */
record Generation(int number, List<App> apps, List<Message.Mount> mounts, List<Message.Site> sites) {
    Generation {
        apps = List.copyOf(apps);
        mounts = List.copyOf(mounts);
        sites = List.copyOf(sites);
    }

    /** For the launcher's own Tomcat. */
    Generation(int number, List<App> apps, List<Message.Mount> mounts) {
        this(number, apps, mounts, List.of());
    }
}
