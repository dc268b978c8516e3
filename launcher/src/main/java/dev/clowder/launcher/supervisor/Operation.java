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
        String text = name + " was interrupted: the cluster stops";
        observer.event(ClusterEvent.of("refused", name, text, done(), steps()));
        caller.answer(new Message.Reply(Supervisor.BUSY, text));
    }

    /** How many of its steps are over. */
    int done() {
        return 0;
    }

    /** How many steps it has; 0 when that is not known. */
    int steps() {
        return 0;
    }

    /** Where it stands, for people. */
    final String progress() {
        return lastLine == null ? "begun" : lastLine;
    }

    final void say(String line) {
        lastLine = line;
        observer.log(name + ": " + line);
        observer.event(ClusterEvent.of("step", name, line, done(), steps()));
        caller.progress(line, done(), steps());
    }

    final void answer(int exitCode, String text) {
        observer.log(name + ": " + text);
        observer.event(ClusterEvent.of(exitCode == Supervisor.OK ? "done" : "refused", name, text, done(), steps()));
        caller.answer(new Message.Reply(exitCode, text));
    }
}
