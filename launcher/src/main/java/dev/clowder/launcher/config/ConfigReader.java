package dev.clowder.launcher.config;

import dev.clowder.launcher.config.installed.CatalinaBase;
import dev.clowder.launcher.config.installed.ServerXml.SharedConnector;
import dev.clowder.valve.Forwarded;
import dev.clowder.valve.TrustPolicy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** The only place that judges what was typed. Collects every problem before it gives up, so that one run shows all. */
public final class ConfigReader {
    private static final int DEFAULT_PORT = 8080;
    private static final List<String> PROXY_PROTOCOL = List.of("off", "required", "mixed");
    /** Texts of {@code --trust} that trust no peer. */
    private static final List<String> NOBODY = List.of("false", "0");

    private static final Duration LONGEST = Duration.ofDays(365);

    private static final Pattern SIZE = Pattern.compile("(\\d{1,6})([kKmMgG])");
    private static final String UNITS = "bkmg";
    /** No JVM with a Tomcat in it stays below. */
    private static final long SMALLEST_MEMORY = 64L << 20;
    /** More than the longest line. */
    private static final long SMALLEST_ACCESS_LOG = 16L << 10;

    private final RunOptions options;
    private final List<String> problems = new ArrayList<>();

    private ConfigReader(RunOptions options) {
        this.options = options;
    }

    /** The parser of {@code run}'s arguments; its user object is a {@link RunOptions}. */
    public static CommandLine runCommand() {
        return new CommandLine(new RunOptions()).registerConverter(Duration.class, new TimeConverter());
    }

    /** As {@link #runCommand()}, with the defaults of the configuration file that these arguments name. */
    public static CommandLine runCommand(String[] arguments) throws ConfigException {
        CommandLine run = runCommand();
        ConfigFile.apply(run, arguments);
        return run;
    }

    /**
     * Parses and checks the arguments of {@code run}.
     *
     * @throws ConfigException with every problem found, one line each
     */
    public static LauncherConfig read(String... arguments) throws ConfigException {
        CommandLine run = runCommand(arguments);
        try {
            run.parseArgs(arguments);
        } catch (ParameterException e) {
            throw new ConfigException(String.valueOf(e.getMessage()));
        }
        return read((RunOptions) run.getCommand());
    }

    /**
     * Checks the options and the files they name.
     *
     * @throws ConfigException with every problem found, one line each
     */
    public static LauncherConfig read(RunOptions options) throws ConfigException {
        ConfigReader reader = new ConfigReader(options);
        int workers = reader.workers();
        CatalinaBase installed = reader.installed();
        List<Listener> listeners = installed == null ? reader.listeners() : reader.listeners(installed);
        List<App> apps = new AppReader(reader.problems).read(options.apps);
        AcceptMode accept = reader.accept();
        Sessions sessions = Sessions.read(options.sessions, installed != null, reader.problems);
        reader.checkTrust();
        reader.checkForwardedHeaders();
        String proxyProtocol = reader.proxyProtocol();
        Timeouts timeouts = new Timeouts(
                reader.positive("--boot-timeout", options.bootTimeout),
                reader.positive("--drain-timeout", options.drainTimeout),
                reader.positive("--stop-timeout", options.stopTimeout),
                reader.positive("--hang-timeout", options.hangTimeout),
                reader.notNegative("--orphan-timeout", options.orphanTimeout));
        reader.checkZeroOrOne("--surge", options.surge);
        reader.checkZeroOrOne("--spare", options.spare);
        String healthPath = reader.healthPath();
        long memoryLimit = reader.memoryLimit();
        AccessLog accessLog = reader.accessLog();
        Path java = reader.java(installed);
        boolean classArchive = reader.isAuto("--class-archive", options.classArchive);
        boolean loop = reader.isAuto("--loop", options.loop);
        Reporting reporting = new ReportingReader(options, reader.problems).read();
        Path runDir =
                options.runDir == null ? null : options.runDir.toAbsolutePath().normalize();
        if (!reader.problems.isEmpty()) {
            throw new ConfigException(reader.problems);
        }
        return new LauncherConfig(
                listeners,
                workers,
                apps,
                installed,
                options.trust,
                options.forwardedHeaders,
                proxyProtocol,
                accept,
                sessions,
                runDir,
                reader.logDir(installed),
                accessLog,
                timeouts,
                java,
                options.workerOptions,
                options.exposeWorker,
                options.surge,
                options.spare,
                options.oversubscribe,
                healthPath,
                memoryLimit,
                classArchive,
                loop,
                reporting);
    }

    private List<Listener> listeners() {
        InetAddress address = address("--address ", options.address);
        int port = options.port == null ? DEFAULT_PORT : options.port;
        List<Listener> listeners = new ArrayList<>();
        listeners.add(new Listener("--port", socket("--port", address, port), options.port != null, false, null));
        Certificate certificate = certificate();
        if (certificate != null && options.tlsPort != null) {
            if (options.tlsPort == port && port != 0) {
                problems.add("--tls-port " + port + ": that is --port already");
            }
            InetSocketAddress secure = socket("--tls-port", address, options.tlsPort);
            listeners.add(new Listener("--tls-port", secure, true, true, certificate));
        }
        return listeners;
    }

    /** Null if there is to be no TLS, or not enough is known for it. */
    private @Nullable Certificate certificate() {
        Path chain = options.tlsCert;
        Path key = options.tlsKey;
        if (chain == null && key == null && options.tlsPort == null) {
            return null;
        }
        if (chain == null || key == null || options.tlsPort == null) {
            String missing = options.tlsPort == null ? "--tls-port" : chain == null ? "--tls-cert" : "--tls-key";
            problems.add(missing + ": missing; --tls-port, --tls-cert and --tls-key belong together");
            return null;
        }
        Certificate certificate = new Certificate(
                chain.toAbsolutePath().normalize(), key.toAbsolutePath().normalize());
        try {
            certificate.check(Instant.now());
        } catch (ConfigException e) {
            problems.addAll(e.problems());
        }
        return certificate;
    }

    private List<Listener> listeners(CatalinaBase installed) {
        List<Listener> listeners = new ArrayList<>();
        for (SharedConnector connector : installed.serverXml().connectors()) {
            String name = "the connector in server.xml line " + connector.line();
            InetAddress address = address(name + ", address=", connector.address());
            listeners.add(new Listener(name, socket(name, address, connector.port()), true, connector.tls(), null));
        }
        return listeners;
    }

    private InetAddress address(String option, @Nullable String given) {
        InetAddress all = new InetSocketAddress(0).getAddress();
        if (given == null) {
            return all;
        }
        try {
            return InetAddress.getByName(given);
        } catch (UnknownHostException e) {
            problems.add(option + given + ": no such address");
            return all;
        }
    }

    private InetSocketAddress socket(String option, InetAddress address, int port) {
        boolean isPort = port >= 0 && port <= 65535;
        if (!isPort) {
            problems.add(option + " " + port + ": not a port, use 0 to 65535");
        }
        return new InetSocketAddress(address, isPort ? port : 0);
    }

    private int workers() {
        int processors = Runtime.getRuntime().availableProcessors();
        String text = options.workers;
        if (text.equals("auto")) {
            return processors;
        }
        int workers;
        try {
            workers = Integer.parseInt(text);
        } catch (NumberFormatException e) {
            workers = 0;
        }
        if (workers < 1) {
            problems.add("--workers " + text + ": use auto or a number from 1");
        } else if (workers > processors && !options.oversubscribe) {
            problems.add("--workers " + text + ": this process may use " + processors
                    + (processors == 1 ? " processor" : " processors") + "; add --oversubscribe to start more workers");
        }
        return workers;
    }

    private AcceptMode accept() {
        for (AcceptMode mode : AcceptMode.values()) {
            if (mode.toString().equals(options.accept.toLowerCase(Locale.ROOT))) {
                return mode;
            }
        }
        problems.add("--accept " + options.accept + ": use auto, shared, round-robin, least-connections or relay");
        return AcceptMode.AUTO;
    }

    private boolean isAuto(String option, String text) {
        if (!text.equals("auto") && !text.equals("off")) {
            problems.add(option + " " + text + ": use auto or off");
        }
        return text.equals("auto");
    }

    private void checkTrust() {
        try {
            TrustPolicy.check(options.trust);
        } catch (IllegalArgumentException e) {
            problems.add("--trust " + options.trust + ": " + e.getMessage());
        }
    }

    private void checkForwardedHeaders() {
        try {
            Forwarded.checkHeaders(options.forwardedHeaders);
        } catch (IllegalArgumentException e) {
            problems.add("--forwarded-headers " + options.forwardedHeaders
                    + ": use x-forwarded, forwarded, or the name of a header with one address, such as x-real-ip");
        }
    }

    private String proxyProtocol() {
        String mode = options.proxyProtocol.toLowerCase(Locale.ROOT);
        if (!PROXY_PROTOCOL.contains(mode)) {
            problems.add("--proxy-protocol " + options.proxyProtocol + ": use off, required or mixed");
        } else if (!mode.equals("off") && NOBODY.contains(options.trust.trim().toLowerCase(Locale.ROOT))) {
            problems.add("--proxy-protocol " + mode + ": with --trust " + options.trust + " nobody may send a header");
        }
        return mode;
    }

    private Duration positive(String name, Duration value) {
        if (value.isZero() || value.isNegative()) {
            problems.add(name + " " + value.toMillis() + "ms: must be longer than nothing");
        } else if (value.compareTo(LONGEST) > 0) {
            problems.add(name + " " + value.toHours() + "h: longer than a year");
        }
        return value;
    }

    private Duration notNegative(String name, Duration value) {
        return value.isZero() ? value : positive(name, value);
    }

    private void checkZeroOrOne(String option, int number) {
        if (number != 0 && number != 1) {
            problems.add(option + " " + number + ": use 0 or 1");
        }
    }

    private String healthPath() {
        String path = options.healthPath;
        if (path == null) {
            return "";
        }
        if (!path.startsWith("/") || !path.chars().allMatch(c -> c > ' ' && c < 127)) {
            problems.add("--health-path " + path + ": use a path such as /health, encoded as in a URL");
        }
        return path;
    }

    private long memoryLimit() {
        String text = options.memoryLimit;
        if (text == null) {
            return 0;
        }
        long bytes = bytes(text);
        if (bytes < SMALLEST_MEMORY) {
            problems.add("--memory-limit " + text + ": use a size from 64m, such as 900m or 2g");
        }
        return bytes;
    }

    /** 0 if it is no size. */
    private static long bytes(String text) {
        Matcher size = SIZE.matcher(text);
        return size.matches()
                ? Long.parseLong(size.group(1)) << (UNITS.indexOf(size.group(2).toLowerCase(Locale.ROOT)) * 10)
                : 0;
    }

    private @Nullable AccessLog accessLog() {
        Path file = options.accessLog;
        String pattern = options.accessLogPattern == null ? "combined" : options.accessLogPattern;
        String size = options.accessLogSize == null ? "100m" : options.accessLogSize;
        if (!AccessLog.isPattern(pattern)) {
            problems.add("--access-log-pattern " + pattern + ": use common, combined, or a pattern that Tomcat's"
                    + " AccessLogValve understands, such as %h %t \"%r\" %s");
        }
        if (!size.equals("0") && bytes(size) < SMALLEST_ACCESS_LOG) {
            problems.add("--access-log-size " + size + ": use 0 for no limit, or a size from 16k, such as 100m");
        }
        if (file == null) {
            if (options.accessLogPattern != null || options.accessLogSize != null) {
                problems.add("--access-log: missing; --access-log-pattern and --access-log-size belong to it");
            }
            return null;
        }
        return new AccessLog(file.toAbsolutePath().normalize(), pattern, bytes(size));
    }

    private @Nullable CatalinaBase installed() {
        Path base = options.catalinaBase;
        if (base == null) {
            if (options.catalinaHome != null) {
                problems.add("--catalina-home " + options.catalinaHome + ": name the --catalina-base too");
            } else if (options.apps.isEmpty()) {
                problems.add("nothing to run: name an APP, a .war file or a directory, or an installed Tomcat by"
                        + " --catalina-base");
            }
            return null;
        }
        refuseBeside("APP " + String.join(" ", options.apps), !options.apps.isEmpty(), "put it into webapps");
        refuseBeside("--tls-port " + options.tlsPort, options.tlsPort != null, "ports are those of its server.xml");
        refuseBeside(
                "--proxy-protocol " + options.proxyProtocol,
                !options.proxyProtocol.equals("off"),
                "name it in a connector of its server.xml");
        refuseBeside("--spare " + options.spare, options.spare != 0, "its server.xml may name a slot at the start");
        refuseBeside("--port " + options.port, options.port != null, "ports are those of its server.xml");
        refuseBeside("--address " + options.address, options.address != null, "addresses are those of its server.xml");
        try {
            return CatalinaBase.open(base, options.catalinaHome, options.workerOptions);
        } catch (ConfigException e) {
            problems.addAll(e.problems());
            return null;
        }
    }

    private void refuseBeside(String given, boolean isGiven, String instead) {
        if (isGiven) {
            problems.add(given + ": not together with --catalina-base, " + instead);
        }
    }

    private @Nullable Path logDir(@Nullable CatalinaBase installed) {
        if (options.logDir != null) {
            return options.logDir.toAbsolutePath().normalize();
        }
        return installed == null ? null : installed.base().resolve("logs");
    }

    private Path java(@Nullable CatalinaBase installed) {
        Path own = JavaCommand.own();
        Path given =
                options.java == null && installed != null ? installed.startUp().java() : options.java;
        if (given == null) {
            return own;
        }
        Path java = given.toAbsolutePath().normalize();
        if (Files.isDirectory(java)) {
            java = JavaCommand.in(java);
        }
        if (!Files.isRegularFile(java) || !Files.isExecutable(java)) {
            problems.add("--java " + given + ": no java command there; name a JDK directory or its bin/java");
            return own;
        }
        return java;
    }
}
