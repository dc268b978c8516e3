package dev.clowder.launcher.check;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the check runs, checked.
 *
 * @param app as it is given to {@code run}
 * @param contextPath where it is mounted, empty for the root
 * @param workers at least 2
 * @param sessions as for {@code run}
 * @param heap of a worker in the check with little memory, as Java writes it; empty to leave that out
 * @param workerOptions more flags of the workers
 * @param onlyGet whether a crawl sends no form by POST
 * @param javaCommand of the workers, null for that of this process
 */
record CheckOptions(
        String app,
        String contextPath,
        int workers,
        String sessions,
        String heap,
        String workerOptions,
        Duration bootTimeout,
        @Nullable String javaCommand,
        @Nullable Path script,
        @Nullable Path har,
        int pages,
        Duration crawlTime,
        boolean onlyGet) {

    Optional<String> java() {
        return Optional.ofNullable(javaCommand);
    }
}
