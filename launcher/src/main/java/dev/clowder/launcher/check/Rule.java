package dev.clowder.launcher.check;

import java.util.Locale;

/** What is looked for; the most telling first. The identifier is the name in lower case with hyphens, and never changes. */
enum Rule {
    STARTS_ONLY_ONCE(
            "Only one worker can start",
            "Let nothing that a process holds alone (a port, a lock, a file) decide whether the application starts."),
    SESSION_NOT_SERIALISABLE(
            "A session attribute can't be serialised",
            "Make the class and all that it refers to Serializable, or mark what can be made anew as transient. Until then"
                    + " the attribute is lost when its worker is replaced."),
    MEMORY_DIFFERS(
            "A value in memory is another one in each worker",
            "Keep it where all workers find it: in the session, a database or a cache server; or take it for what it is, a"
                    + " value of one process."),
    SESSION_CHANGED_UNSEEN(
            "A session attribute was changed without setAttribute",
            "Call setAttribute after the change: stores that copy on setAttribute never see it otherwise."),
    FILE_WRITTEN(
            "A file was written that another worker or machine may have to read",
            "Keep data in a database or an object store; the local file system is for what is read only, logs and backups."
                    + " A file that lives for one request belongs into the directory for temporary files."),
    PORT_OPENED(
            "The application listens on a port of its own",
            "Only one worker can have a fixed port. Serve it through the servlet container, or from a process of its own."),
    SURVIVES_UNDEPLOYMENT(
            "Something survives the end of the application",
            "Stop threads, remove thread-locals, drivers, hooks and handlers in ServletContextListener.contextDestroyed."),
    RUNS_IN_EACH_WORKER(
            "A timer or scheduler runs in each worker",
            "What must happen once needs a lock that all workers see, or a process of its own; what each worker may do for"
                    + " itself can be accepted."),
    FORGETS_PROXY(
            "A redirect or cookie forgets the proxy",
            "Make redirects relative, or from the request's scheme and server name; give cookies the attribute Secure when"
                    + " request.isSecure()."),
    TOGETHER(
            "Two requests of a session at once disturb each other",
            "Change what a session holds under a lock, or replace it by immutable values."),
    ANSWER_DIFFERS(
            "An answer differs when requests reach different workers",
            "Find what the answer depends on: memory, a file, a name or port of the process."),
    LOST_BY_RELOAD(
            "An answer differs after a reload", "Find what the answer depends on and the new process does not have."),
    LOST_WITH_WORKER(
            "An answer differs after a worker was killed",
            "If its users must not notice, declare the application <distributable/> in web.xml: its sessions then live in"
                    + " every worker."),
    SMALL_HEAP(
            "The application does not get along with a small heap",
            "N workers have N heaps. Give the workers more with --worker-opts -Xmx, or keep less in memory.");

    private final String title;
    private final String advice;

    Rule(String title, String advice) {
        this.title = title;
        this.advice = advice;
    }

    String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    String title() {
        return title;
    }

    String advice() {
        return advice;
    }
}
