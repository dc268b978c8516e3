package dev.clowder.launcher.worker;

import dev.clowder.valve.ProxyProtocol;
import java.io.CharArrayWriter;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.AbstractAccessLogValve;

/**
 * Tomcat's access log of an engine, in the one file of all workers. The client is the one that a
 * {@code ForwardedValve} or {@code RemoteIpValve} has found.
 */
final class MergedAccessLog extends AbstractAccessLogValve {
    private final AccessLogFile file;

    /** @param pattern as for Tomcat's {@code AccessLogValve} */
    MergedAccessLog(String pattern, AccessLogFile file) {
        this.file = file;
        setPattern(pattern);
        setRequestAttributesEnabled(true);
        // A line with the names of a browser and of where it came from is longer than Tomcat's 256.
        setMaxLogMessageBufferSize(1024);
    }

    /** Leaves out probes: Tomcat would log them, and so they would be most of what there is in a quiet night. */
    @Override
    public void log(Request request, Response response, long time) {
        if (!isProbe(request)) {
            super.log(request, response, time);
        }
    }

    /**
     * Whether Clowder itself asks. It does so at the worker's intake, a Unix socket, which has no ports, and names no
     * client; whoever else comes that way is named with the port that he connected to.
     */
    static boolean isProbe(Request request) {
        return request.getLocalPort() == 0
                && request.getAttribute(ProxyProtocol.ATTRIBUTE) instanceof ProxyProtocol header
                && header.isAnonymous();
    }

    @Override
    protected void log(CharArrayWriter message) {
        file.add(message.toString());
    }
}
