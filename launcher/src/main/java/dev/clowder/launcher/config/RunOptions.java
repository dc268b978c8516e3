package dev.clowder.launcher.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * The settings of {@code run} as they were typed: the one declaration of each, from which the help text and the names in
 * a {@code --config} file follow. {@link ConfigReader} turns it into a {@link LauncherConfig}.
 */
@Command(name = "run", sortOptions = false, description = "Runs applications until it is stopped, in the foreground.")
public final class RunOptions {
    @Parameters(
            paramLabel = "APP",
            arity = "0..*",
            description =
                    "a .war file or an exploded directory, or /path= before either; a single one without a path is"
                            + " mounted at /, several by their file names as Tomcat does")
    List<String> apps = new ArrayList<>();

    @Option(
            names = "--catalina-base",
            paramLabel = "DIR",
            description = "run this installed Tomcat (10.1 or 11.0) instead: its server.xml, its lib, its webapps; each"
                    + " of its HTTP/1.1 connectors is shared by all workers")
    @Nullable
    Path catalinaBase;

    @Option(
            names = "--catalina-home",
            paramLabel = "DIR",
            description = "where that Tomcat's bin and lib are (default: the same directory)")
    @Nullable
    Path catalinaHome;

    @Option(
            names = "--port",
            paramLabel = "PORT",
            description = "port to listen on, 0 for any (default: that of the socket passed by systemd, else 8080)")
    @Nullable
    Integer port;

    @Option(names = "--address", paramLabel = "ADDRESS", description = "address to listen on (default: all)")
    @Nullable
    String address;

    @Option(
            names = "--tls-port",
            paramLabel = "PORT",
            description = "port for HTTPS beside the other, 0 for any; HTTP/2 by ALPN (default: no HTTPS)")
    @Nullable
    Integer tlsPort;

    @Option(
            names = "--tls-cert",
            paramLabel = "FILE",
            description = "PEM: the certificate for --tls-port, then those of its signers; taken anew when it changes")
    @Nullable
    Path tlsCert;

    @Option(names = "--tls-key", paramLabel = "FILE", description = "PEM: the private key of --tls-cert, not encrypted")
    @Nullable
    Path tlsKey;

    @Option(
            names = "--workers",
            paramLabel = "N",
            defaultValue = "auto",
            description = "worker processes; auto = the processors this process may use")
    String workers = "auto";

    @Option(names = "--oversubscribe", description = "allow more workers than processors")
    boolean oversubscribe;

    @Option(
            names = "--trust",
            paramLabel = "RULES",
            defaultValue = "loopback",
            description = "who may speak for a client, as in the valve: false, true, a hop count, a list of addresses,"
                    + " CIDR ranges and names, or both (\"2; 10.0.0.0/8\")")
    String trust = "loopback";

    @Option(
            names = "--forwarded-headers",
            paramLabel = "NAME",
            defaultValue = "x-forwarded",
            description = "what those proxies send, the one family that is read: x-forwarded, forwarded (RFC 7239), or"
                    + " the name of a header with one address, such as x-real-ip")
    String forwardedHeaders = "x-forwarded";

    @Option(
            names = "--proxy-protocol",
            paramLabel = "MODE",
            defaultValue = "off",
            description = "off; required: whoever --trust names begins each connection with a PROXY header, v1 or v2,"
                    + " and nobody else gets in; mixed: others are served without one")
    String proxyProtocol = "off";

    @Option(
            names = "--accept",
            paramLabel = "MODE",
            defaultValue = "auto",
            description = "shared: workers accept from one kernel queue; round-robin, least-connections: the supervisor"
                    + " accepts and passes the socket to a worker; relay: the supervisor copies bytes; auto:"
                    + " shared where the platform can, else relay")
    String accept = "auto";

    @Option(
            names = "--sessions",
            paramLabel = "MODE",
            defaultValue = "auto",
            description = "where sessions live. local: in the worker that began them; sticky: in its slot, requests"
                    + " travel there; replicated: in all workers; jdbc:URL, redis://[USER:SECRET@]HOST[:PORT][/DB],"
                    + " rediss://...: in that database or Redis, for all clusters that name it, see"
                    + " docs/sessions-in-an-engine.md; auto: replicated for applications with <distributable/>, else"
                    + " sticky")
    String sessions = "auto";

    @Option(
            names = "--run-dir",
            paramLabel = "DIR",
            description = "control socket, lock, expanded applications (default: $XDG_RUNTIME_DIR/clowder/PORT, else"
                    + " /tmp/clowder-UID/PORT)")
    @Nullable
    Path runDir;

    @Option(
            names = "--log-dir",
            paramLabel = "DIR",
            description = "logs of the workers, kept when the cluster ends; a directory of its own for each cluster"
                    + " (default: logs in the run directory, removed when the cluster ends in good order; with"
                    + " --catalina-base its logs)")
    @Nullable
    Path logDir;

    @Option(
            names = "--access-log",
            paramLabel = "FILE",
            description = "one access log of all workers, in the order in which requests end (default: none; with"
                    + " --catalina-base those of its server.xml, a file for each slot)")
    @Nullable
    Path accessLog;

    @Option(
            names = "--access-log-pattern",
            paramLabel = "PATTERN",
            description = "its lines: common, combined, or a pattern of Tomcat's AccessLogValve (default: combined)")
    @Nullable
    String accessLogPattern;

    @Option(
            names = "--access-log-size",
            paramLabel = "SIZE",
            description = "above which it is renamed, nine full ones are kept; 0: never (default: 100m)")
    @Nullable
    String accessLogSize;

    @Option(
            names = "--log-format",
            paramLabel = "FORMAT",
            defaultValue = "text",
            description = "text, or json: each line on standard output is an object, see docs/events.md")
    String logFormat = "text";

    @Option(
            names = "--on-event",
            paramLabel = "CMD",
            description = "a shell command, run for each event in the cluster with the event as JSON on its standard"
                    + " input, see docs/events.md")
    @Nullable
    String onEvent;

    @Option(
            names = "--admin",
            paramLabel = "[ADDR:]PORT",
            converter = ListenAddress.Converter.class,
            description = "a page that shows and steers the cluster, /metrics, /healthz and /readyz, on this port of"
                    + " 127.0.0.1, 0 for any, or of another address (default: none)")
    @Nullable
    ListenAddress admin;

    @Option(
            names = "--admin-token",
            paramLabel = "FILE",
            description = "the secret that --admin asks for; needed with any address but this machine's own")
    @Nullable
    Path adminToken;

    @Option(
            names = "--boot-timeout",
            paramLabel = "TIME",
            defaultValue = "60s",
            description = "until a worker must be ready")
    Duration bootTimeout = Duration.ofSeconds(60);

    @Option(
            names = "--drain-timeout",
            paramLabel = "TIME",
            defaultValue = "30s",
            description = "for requests in flight when a worker stops")
    Duration drainTimeout = Duration.ofSeconds(30);

    @Option(
            names = "--stop-timeout",
            paramLabel = "TIME",
            defaultValue = "10s",
            description = "after draining, until a worker is killed")
    Duration stopTimeout = Duration.ofSeconds(10);

    @Option(
            names = "--hang-timeout",
            paramLabel = "TIME",
            defaultValue = "30s",
            description = "without a sign of life, until a worker is killed and replaced")
    Duration hangTimeout = Duration.ofSeconds(30);

    @Option(
            names = "--orphan-timeout",
            paramLabel = "TIME",
            defaultValue = "60s",
            description = "for which workers go on serving when the supervisor was killed; a new run in the same run"
                    + " directory adopts them; 0s: they finish what they have and leave")
    Duration orphanTimeout = Duration.ofSeconds(60);

    @Option(
            names = "--surge",
            paramLabel = "N",
            defaultValue = "1",
            description = "1: a new worker is ready before an old one leaves; 0: the old one leaves first, for a small"
                    + " memory")
    int surge = 1;

    @Option(
            names = "--spare",
            paramLabel = "N",
            defaultValue = "0",
            description = "1: one worker more is kept booted, takes no clients, and takes the slot of one that dies at"
                    + " once")
    int spare;

    @Option(
            names = "--health-path",
            paramLabel = "PATH",
            description =
                    "asked of each worker, must answer below 500; one that does not is replaced, a new one refused"
                            + " (default: any HTTP answer will do)")
    @Nullable
    String healthPath;

    @Option(
            names = "--memory-limit",
            paramLabel = "SIZE",
            description = "resident memory above which a worker is replaced, one at a time, such as 900m or 2g")
    @Nullable
    String memoryLimit;

    @Option(
            names = "--java",
            paramLabel = "PATH",
            description = "JDK or java command of the workers (default: own JVM)")
    @Nullable
    Path java;

    @Option(
            names = "--worker-opts",
            paramLabel = "FLAGS",
            split = "\\s+",
            description = "JVM flags of the workers, behind the chosen defaults")
    List<String> workerOptions = new ArrayList<>();

    @Option(
            names = "--class-archive",
            paramLabel = "MODE",
            defaultValue = "auto",
            description = "auto: workers share an archive of Tomcat's classes in $XDG_CACHE_HOME/clowder, else"
                    + " ~/.cache/clowder, and start faster; the first cluster makes it in the background; off: none")
    String classArchive = "auto";

    @Option(
            names = "--loop",
            paramLabel = "MODE",
            defaultValue = "auto",
            description =
                    "auto: short requests run on the thread that polls their connections; off: all go to threads of"
                            + " the pool, as in any Tomcat")
    String loop = "auto";

    @Option(names = "--expose-worker", description = "response header X-Clowder-Worker: SLOT/ID")
    boolean exposeWorker;

    @Option(
            names = "--stop-on-eof",
            description =
                    "stop when standard input ends: for a program that starts Clowder and must not leave it behind")
    boolean stopOnEof;

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "a properties file with the same names (port = 80); what is typed wins")
    @Nullable
    Path config;

    @Option(names = "--check", hidden = true, description = "check everything, print the version, start nothing")
    boolean check;

    @Option(names = "--help", usageHelp = true, description = "show this")
    boolean help;

    /** Whether nothing is to be started: an upgrade tries the new launcher like this before it becomes it. */
    public boolean check() {
        return check;
    }

    /** Whether the end of standard input stops the cluster. */
    public boolean stopOnEof() {
        return stopOnEof;
    }
}
