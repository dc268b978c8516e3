package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.App;
import dev.clowder.launcher.wire.Message;
import java.util.List;

/**
 * One version of the applications: what was named, and the copy of it that workers run. Immutable; later ones have a
 * higher number.
 */
record Generation(int number, List<App> apps, List<Message.Mount> mounts) {
    Generation {
        apps = List.copyOf(apps);
        mounts = List.copyOf(mounts);
    }
}
