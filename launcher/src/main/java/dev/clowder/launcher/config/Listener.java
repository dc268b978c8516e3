package dev.clowder.launcher.config;

import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Where clients connect.
 *
 * @param option that names its port: what an operator changes when the port is taken
 * @param address to bind; port 0 lets the kernel choose
 * @param portGiven whether the operator named the port; if not, a socket passed by systemd may have another
 * @param tls whether TLS is spoken there
 * @param certificate with which; null without TLS, or if an installed Tomcat has it in its own configuration
 */
public record Listener(
        String option,
        InetSocketAddress address,
        boolean portGiven,
        boolean tls,
        @Nullable Certificate certificate) {
    /** What clients speak. */
    public String protocol() {
        return tls ? "https" : "http";
    }
}
