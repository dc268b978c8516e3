package dev.clowder.launcher.wire;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;

/** What processes of one cluster say to each other over the control socket. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
    @JsonSubTypes.Type(Message.Hello.class),
    @JsonSubTypes.Type(Message.Ready.class),
    @JsonSubTypes.Type(Message.Failed.class),
    @JsonSubTypes.Type(Message.Drained.class),
    @JsonSubTypes.Type(Message.Load.class),
    @JsonSubTypes.Type(Message.Start.class),
    @JsonSubTypes.Type(Message.Stop.class),
    @JsonSubTypes.Type(Message.Dump.class),
    @JsonSubTypes.Type(Message.Dumped.class),
    @JsonSubTypes.Type(Message.Command.class),
    @JsonSubTypes.Type(Message.Progress.class),
    @JsonSubTypes.Type(Message.Reply.class)
})
public sealed interface Message {

    // From a worker to the supervisor.

    /**
     * First words of a worker: who it is.
     *
     * @param serving whether it is ready already and has lost its supervisor: it wants to be adopted, not started
     */
    record Hello(int slot, int id, long pid, int generation, boolean serving) implements Message {}

    /** The worker's own Tomcat answered a probe and clients are being accepted. */
    record Ready() implements Message {}

    /** The worker can't become ready, whatever is tried again; its output says more. */
    record Failed(String reason) implements Message {}

    /** Told to stop, the worker has finished what was in flight and now shuts its applications down. */
    record Drained() implements Message {}

    /** The beat of a ready worker, once a second. Counts since its start. */
    record Load(int connections, long requests, int busyThreads, long heapUsedBytes, long rssBytes)
            implements Message {}

    /** What the worker's threads and requests are doing. */
    record Dumped(String text) implements Message {}

    // From the supervisor to a worker.

    /** What to run; the answer to {@link Hello}. */
    record Start(
            int slot,
            int workers,
            int generation,
            String directory,
            String intake,
            String listeners,
            int port,
            String trust,
            boolean exposeWorker,
            String healthPath,
            long orphanMillis,
            List<Mount> mounts)
            implements Message {
        public Start {
            mounts = List.copyOf(mounts);
        }
    }

    /** An application on disk, expanded, and where it is mounted. */
    record Mount(String contextPath, String directory) {}

    /**
     * Stop accepting, finish what is in flight, leave.
     *
     * @param drainMillis time for all of it
     * @param idleMillis how long an idle kept-alive connection is left open for a request on its way
     */
    record Stop(long drainMillis, long idleMillis) implements Message {}

    /**
     * Say what your threads and requests are doing.
     *
     * @param toLog into the log, because the worker is about to be killed; otherwise as {@link Dumped}
     */
    record Dump(boolean toLog) implements Message {}

    // From an operator's command to the supervisor, and back.

    /** A command such as {@code scale} and what was typed behind it. */
    record Command(String name, List<String> arguments) implements Message {
        public Command {
            arguments = List.copyOf(arguments);
        }
    }

    /** A step of a long command, for people; any number of them before the {@link Reply}. */
    record Progress(String line) implements Message {}

    /** The answer: an exit code of the contract, and what to print. */
    record Reply(int exitCode, String text) implements Message {}
}
