package dev.clowder.launcher.cli;

import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.installed.CatalinaBase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The unit of {@code docs/systemd.md}, for one cluster. */
final class SystemdUnit {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}");
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_./:=,@+-]+");
    private static final Duration MARGIN = Duration.ofSeconds(20);
    private static final Duration START_MARGIN = Duration.ofSeconds(30);

    private SystemdUnit() {}

    /**
     * Returns the text of the unit.
     *
     * @throws ConfigException if a name can't stand in a unit, or there is nothing to run
     */
    static String text(DescribedCluster cluster, String name, String user) throws ConfigException {
        check("--name", name);
        check("--user", user);
        RunArguments arguments = cluster.arguments();
        CatalinaBase installed = arguments.installed();
        String runDir = "/run/" + name;
        List<String> start = new ArrayList<>(cluster.command());
        start.add("run");
        if (installed == null && arguments.applications().isEmpty()) {
            throw new ConfigException("name the application, or an installed Tomcat by --catalina-base, as for run: no"
                    + " cluster runs there that has one");
        }
        if (installed != null && !arguments.applications().isEmpty()) {
            throw new ConfigException("APP " + String.join(" ", arguments.applications())
                    + ": not together with --catalina-base, put it into webapps");
        }
        // systemd owns the directories, and gives an empty standard input.
        List<String> rest = arguments.normal("--run-dir", "--log-dir", "--stop-on-eof", "--port");
        refuseSecret(rest);
        String port = arguments.text("--port");
        if (port != null && installed == null) {
            // Any port, which a proxy would have to guess after each start: the one that it got is kept.
            boolean any = port.equals("0");
            start.addAll(List.of("--port", any ? String.valueOf(cluster.listen().getPort()) : port));
        }
        start.addAll(List.of("--run-dir", runDir, "--log-dir", "/var/log/" + name));
        start.addAll(rest);
        List<String> reload = new ArrayList<>(cluster.command());
        reload.addAll(List.of("reload", "--run-dir", runDir));

        Duration boot = arguments.time("--boot-timeout");
        Duration drain = arguments.time("--drain-timeout");
        Duration stop = arguments.time("--stop-timeout");
        Map<String, String> values = new HashMap<>();
        values.put("name", name);
        values.put("user", user);
        values.put("description", "The " + name + ", on Clowder");
        values.put("start", line(start));
        values.put("reload", line(reload));
        values.put("bootText", ConfigCommand.text(boot));
        values.put("drainText", ConfigCommand.text(drain));
        values.put("stopText", ConfigCommand.text(stop));
        values.put("stopSeconds", ConfigCommand.seconds(drain.plus(stop).plus(MARGIN)));
        values.put("startSeconds", ConfigCommand.seconds(boot.plus(START_MARGIN)));
        values.put("ports", String.valueOf(ports(arguments, installed)));
        return Template.fill("systemd.service", values);
    }

    /** How many sockets there are to keep. */
    private static int ports(RunArguments arguments, @Nullable CatalinaBase installed) {
        if (installed != null) {
            return installed.serverXml().connectors().size();
        }
        return arguments.text("--tls-port") == null ? 1 : 2;
    }

    private static void check(String option, String name) throws ConfigException {
        if (!NAME.matcher(name).matches()) {
            throw new ConfigException(option + " " + name + ": use letters, digits, '_', '.' and '-'");
        }
    }

    /** A unit can be read by everybody on the machine. */
    private static void refuseSecret(List<String> words) throws ConfigException {
        int option = words.indexOf("--sessions");
        if (option >= 0 && words.get(option + 1).contains(":")) {
            throw new ConfigException("--sessions: everybody can read a unit; put sessions = URL into a --config file"
                    + " that only the service can read");
        }
    }

    private static String line(List<String> words) {
        return String.join(" ", words.stream().map(SystemdUnit::quoted).toList());
    }

    /** As systemd.service(5) wants it: quoted if need be, with the signs doubled that mean something. */
    private static String quoted(String word) {
        String doubled = word.replace("%", "%%").replace("$", "$$");
        return PLAIN.matcher(word).matches()
                ? doubled
                : '"' + doubled.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
