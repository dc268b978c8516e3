package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.AcceptMode;
import dev.clowder.launcher.config.AccessLog;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.wire.Message;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What a worker is told to run, the answer to its first words. Immutable. */
final class StartOrder {
    private final LauncherConfig config;
    private final RunDirectory directory;
    private final Listeners listeners;

    StartOrder(LauncherConfig config, RunDirectory directory, Listeners listeners) {
        this.config = config;
        this.directory = directory;
        this.listeners = listeners;
    }

    /**
     * The order for one worker.
     *
     * @param workers how many are wanted
     */
    Message.Start of(Worker worker, int workers) {
        return new Message.Start(
                worker.slot.number,
                workers,
                worker.generation.number(),
                directory.worker(worker.id).toString(),
                listeners.of(worker.id, directory),
                listeners.mode() == AcceptMode.ROUND_ROBIN || listeners.mode() == AcceptMode.LEAST_CONNECTIONS,
                new Message.Forwarding(config.trust(), config.forwardedHeaders(), config.proxyProtocol()),
                config.exposeWorker(),
                config.loop(),
                config.timeouts().orphan().toMillis(),
                worker.generation.mounts(),
                new Message.Sessions(
                        config.sessions().mode().toString(), config.sessions().url()),
                installed(worker),
                accessLog());
    }

    /** At the first start an application may fail, as it may in a Tomcat on its own; later the old workers serve on. */
    private Message.@Nullable Installed installed(Worker worker) {
        Path logs = config.logDir();
        return config.installed() == null || logs == null
                ? null
                : new Message.Installed(logs.toString(), worker.generation.number() > 1, worker.generation.sites());
    }

    private Message.@Nullable AccessLog accessLog() {
        AccessLog log = config.accessLog();
        return log == null ? null : new Message.AccessLog(log.file().toString(), log.pattern());
    }
}
