package dev.clowder.launcher.config;

import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Where clients connect.
 *
 * @param option that names its port: what an operator changes when the port is taken
 * @param address to bind; port 0 lets the kernel choose
 * @param portGiven whether the operator named the port; if not, a socket passed by systemd may have another
 * @param certificate with which TLS is spoken there; null for plain HTTP
 */
public record Listener(
        String option,
        InetSocketAddress address,
        boolean portGiven,
        @Nullable Certificate certificate) {
    /** What clients speak. */
    public String protocol() {
        return certificate == null ? "http" : "https";
    }
}
