package dev.clowder.launcher.config.installed;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The JVM flags that one worker gets of those that were meant for one Tomcat: ports of JMX and debuggers are its own. */
public final class WorkerOptions {
    private static final Pattern PORT = Pattern.compile("(-Dcom\\.sun\\.management\\.jmxremote\\.(?:rmi\\.)?port="
            + "|-(?:agentlib:jdwp=|Xrunjdwp:).*\\baddress=(?:[^,]*:)?)(\\d{1,5})(,.*)?");
    /** For the successor of a worker that is still there. */
    private static final int SECOND = 100;

    private WorkerOptions() {}

    /**
     * The flags for a slot: each port is as much higher as the slot's number is above 1; if that one is in use, 100 more.
     */
    public static List<String> of(List<String> options, int slot) {
        List<String> own = new ArrayList<>();
        for (String option : options) {
            Matcher port = PORT.matcher(option);
            own.add(
                    port.matches()
                            ? port.group(1)
                                    + free(Integer.parseInt(port.group(2)), slot)
                                    + (port.group(3) == null ? "" : port.group(3))
                            : option);
        }
        return own;
    }

    /** What {@link #of} changes, a line each for people. */
    public static List<String> changes(List<String> options) {
        List<String> changes = new ArrayList<>();
        for (String option : options) {
            Matcher port = PORT.matcher(option);
            if (port.matches() && !port.group(2).equals("0")) {
                changes.add(option + ": the worker in slot K has port " + port.group(2) + " + K - 1, or " + SECOND
                        + " more while its predecessor is leaving");
            }
        }
        return changes;
    }

    private static int free(int port, int slot) {
        if (port == 0) {
            return 0;
        }
        int own = port + slot - 1;
        try (ServerSocket probe = new ServerSocket()) {
            probe.bind(new InetSocketAddress(own));
            return own;
        } catch (IOException | IllegalArgumentException e) {
            return own + SECOND;
        }
    }
}
