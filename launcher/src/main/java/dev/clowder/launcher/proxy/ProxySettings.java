package dev.clowder.launcher.proxy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the development proxy is to do. Immutable.
 *
 * @param listen where it takes clients; port 0 for any
 * @param target the application: where requests go, as plain HTTP/1.1
 * @param headers the families of forwarding headers that it adds
 * @param proxyProtocol the PROXY header in front of each connection to the target
 * @param hops the proxies that it plays in front of itself, the one next to the client first
 * @param client whom it names as the client; null for the real one
 * @param publicUrl the address that clients are said to have asked for: scheme, host and port count; null for the real one
 * @param spoof whether the client is made to send false values of every forwarding header
 */
public record ProxySettings(
        InetSocketAddress listen,
        InetSocketAddress target,
        Set<HeaderFamily> headers,
        ProxyVersion proxyProtocol,
        List<InetAddress> hops,
        @Nullable InetAddress client,
        @Nullable URI publicUrl,
        boolean spoof) {

    public ProxySettings {
        headers = Set.copyOf(headers);
        hops = List.copyOf(hops);
    }

    /** A family of forwarding headers. */
    public enum HeaderFamily {
        /** {@code X-Forwarded-For}, {@code -Proto}, {@code -Host} and {@code -Port}. */
        X_FORWARDED,
        /** {@code Forwarded}, RFC 7239. */
        FORWARDED
    }

    /** The PROXY header that is sent, if any. */
    public enum ProxyVersion {
        OFF,
        V1,
        V2;

        /** As it is typed and shown. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
