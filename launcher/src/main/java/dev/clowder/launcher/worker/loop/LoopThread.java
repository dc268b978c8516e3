package dev.clowder.launcher.worker.loop;

/** A thread that may lead: poll, and run what is ready. Its plain fields belong to it alone. */
final class LoopThread extends Thread {
    final Leadership leadership;

    /** Whether it is its turn; a flag of its own, because a thread that asked who leads could find itself twice. */
    volatile boolean crowned;
    /** Whether it is among Tomcat's code for a ready key, which may be registered still. */
    boolean polling;
    /** Of the request that it runs as the leader; 0 if it runs none, or has handed the loop on. */
    long ticket;

    LoopThread(Leadership leadership, Runnable work, String name) {
        // What an application has put into its thread is not inherited.
        super(null, work, name, 0, false);
        this.leadership = leadership;
    }
}
