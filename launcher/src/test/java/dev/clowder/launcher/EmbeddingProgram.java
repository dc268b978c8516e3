package dev.clowder.launcher;

import dev.clowder.launcher.supervisor.WorkerEvent;
import java.io.OutputStream;

/** A program with a cluster in it: tells the pid of its worker when that listens, and ends with its standard input. */
final class EmbeddingProgram {
    private EmbeddingProgram() {}

    /** The arguments are those of {@code run}. */
    public static void main(String[] arguments) throws Exception {
        Cluster cluster = Cluster.start(OutputStream.nullOutputStream(), EmbeddingProgram::tell, arguments);
        System.in.transferTo(OutputStream.nullOutputStream());
        cluster.close();
    }

    private static void tell(WorkerEvent event) {
        if (event.kind() == WorkerEvent.Kind.LISTENING) {
            System.out.println(event.pid());
        }
    }
}
