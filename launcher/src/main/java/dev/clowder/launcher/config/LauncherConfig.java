package dev.clowder.launcher.config;

import dev.clowder.launcher.config.installed.CatalinaBase;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Everything the operator decided, checked and immutable. Made by {@link ConfigReader} only.
 *
 * @param listeners where clients connect, at least one
 * @param workers how many worker processes are wanted, at least 1
 * @param apps the web applications, each at a context path of its own; none with an installed Tomcat
 * @param installed the Tomcat that workers run instead of the launcher's own, null for that one
 * @param trust the valve's {@code trust} attribute; its answer for the peer says who sends PROXY headers
 * @param forwardedHeaders the valve's {@code headers} attribute
 * @param proxyProtocol {@code off}, {@code required} or {@code mixed}
 * @param accept who accepts connections
 * @param sessions where sessions live
 * @param runDir where the cluster keeps its files; null for the default, which is named after the port
 * @param logDir where the logs of the workers are kept; null for the run directory
 * @param accessLog the access log of all workers, null for none
 * @param timeouts limits for a worker's life
 * @param java the {@code java} command of the workers, absolute
 * @param workerOptions extra JVM flags of the workers, behind the chosen defaults
 * @param exposeWorker whether responses carry {@code X-Clowder-Worker}
 * @param surge how many workers more than wanted may run while they are replaced, 0 or 1
 * @param spare how many booted workers wait for a slot, 0 or 1
 * @param oversubscribe whether more workers than processors are allowed
 * @param healthPath what is asked of each worker to see that it lives; empty for any answer at all
 * @param memoryLimit resident bytes above which a worker is replaced, 0 for none
 * @param classArchive whether workers share an archive of their classes, made when there is none
 * @param loop whether workers run requests where they are polled
 * @param reporting how the cluster tells what it does
 */
public record LauncherConfig(
        List<Listener> listeners,
        int workers,
        List<App> apps,
        @Nullable CatalinaBase installed,
        String trust,
        String forwardedHeaders,
        String proxyProtocol,
        AcceptMode accept,
        Sessions sessions,
        @Nullable Path runDir,
        @Nullable Path logDir,
        @Nullable AccessLog accessLog,
        Timeouts timeouts,
        Path java,
        List<String> workerOptions,
        boolean exposeWorker,
        int surge,
        int spare,
        boolean oversubscribe,
        String healthPath,
        long memoryLimit,
        boolean classArchive,
        boolean loop,
        Reporting reporting) {

    public LauncherConfig {
        listeners = List.copyOf(listeners);
        apps = List.copyOf(apps);
        workerOptions = List.copyOf(workerOptions);
    }
}
