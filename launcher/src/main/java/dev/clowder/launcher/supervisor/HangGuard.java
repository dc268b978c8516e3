package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Message;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * Finds ready workers that hang: suspects them first, and ends them when they stay silent. Belongs to the supervisor's
 * thread. Times are nanoseconds of the host's clock.
 */
final class HangGuard {
    /** For the thread dump of a hung worker, until it is killed. */
    static final long DUMP_TIME = TimeUnit.SECONDS.toNanos(5);
    /** Not all at once, should all of them look hung for one reason. */
    static final long BETWEEN_HANGS = TimeUnit.SECONDS.toNanos(10);

    private final Duration timeout;
    private final Host host;
    private final Observer observer;
    private final Runnable changed;
    private long lastHang;

    /**
     * @param timeout without a sign of life; a worker that is busy meanwhile has twice as long
     * @param changed called when another set of workers is ready
     */
    HangGuard(Duration timeout, Host host, Observer observer, Runnable changed) {
        this.timeout = timeout;
        this.host = host;
        this.observer = observer;
        this.changed = changed;
        lastHang = host.now() - BETWEEN_HANGS;
    }

    /** Probes when it is time, doubts, trusts again, and ends what stays silent. */
    void watch(Worker worker, long now) {
        Watch watch = worker.watch();
        if (watch == null) {
            return;
        }
        if (watch.takeProbe(now)) {
            host.probe(worker.id);
        }
        String doubt = watch.doubt(now);
        if (worker.state == WorkerState.READY && doubt != null) {
            observer.log("worker " + worker.name() + " is suspect: " + doubt);
            observer.event(ClusterEvent.of("suspect", "worker " + worker.name() + " is suspect: " + doubt, worker));
            worker.doubt(now, host.processorTime(worker.id));
            changed.run();
        } else if (worker.state == WorkerState.SUSPECT && doubt == null) {
            observer.log("worker " + worker.name() + " is well again");
            observer.event(ClusterEvent.of("recovered", "worker " + worker.name() + " is well again", worker));
            worker.enter(WorkerState.Kind.RECOVERED, Long.MAX_VALUE);
            changed.run();
        } else if (worker.state == WorkerState.SUSPECT) {
            endHang(worker, watch.silence(now), String.valueOf(doubt), now);
        }
    }

    private void endHang(Worker worker, long silence, String doubt, long now) {
        long limit = timeout.toNanos();
        boolean busy = worker.busy(now, host.processorTime(worker.id));
        if (silence < (busy ? 2 * limit : limit) || now - lastHang < BETWEEN_HANGS) {
            return;
        }
        lastHang = now;
        worker.endReason = "hung: " + doubt;
        observer.log("worker " + worker.name() + " hangs: " + doubt + "; its thread dump follows, then it is killed");
        observer.event(ClusterEvent.of("hung", "worker " + worker.name() + " hangs: " + doubt, worker));
        worker.order(new Message.Dump(true));
        host.dump(worker.id);
        worker.enter(WorkerState.Kind.EXPIRED, now + DUMP_TIME);
        changed.run();
    }
}
