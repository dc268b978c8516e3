package dev.clowder.launcher.supervisor;

import java.time.Instant;

/** The applications of the next generation are being copied, by another thread; {@link Event.Prepared} ends it. */
final class Preparation extends Operation {
    final Event.Caller caller;

    Preparation(String name, Instant since, Event.Caller caller, Observer observer) {
        super(name, since, caller, observer);
        this.caller = caller;
    }

    @Override
    boolean step(long now) {
        return false;
    }

    @Override
    long next() {
        return Long.MAX_VALUE;
    }

    @Override
    void died(Worker worker) {
        // Nothing of it runs yet.
    }
}
