package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.wire.Message;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A change of the cluster that takes its time. One is under way at most; belongs to the supervisor's thread. */
abstract class Operation {
    /** The new workers refused; the old ones serve. */
    static final int REFUSED = 4;

    final String name;
    final Instant since;
    private final Event.Caller caller;
    private final Observer observer;
    private @Nullable String lastLine;

    Operation(String name, Instant since, Event.Caller caller, Observer observer) {
        this.name = name;
        this.since = since;
        this.caller = caller;
        this.observer = observer;
    }

    /** Does what can be done now; true when it is over and has been answered. */
    abstract boolean step(long now);

    /** When it must be asked again unless something happens before. */
    abstract long next();

    /** A worker ended that nobody had told to. */
    abstract void died(Worker worker);

    /** The cluster stops, which ends every operation. */
    final void interrupt() {
        caller.answer(new Message.Reply(Supervisor.BUSY, name + " was interrupted: the cluster stops"));
    }

    /** Where it stands, for people. */
    final String progress() {
        return lastLine == null ? "begun" : lastLine;
    }

    final void say(String line) {
        lastLine = line;
        observer.log(name + ": " + line);
        caller.progress(line);
    }

    final void answer(int exitCode, String text) {
        observer.log(name + ": " + text);
        caller.answer(new Message.Reply(exitCode, text));
    }
}
