package dev.clowder.benchmark;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;

/**
 * Where a system listens, on the loopback address.
 *
 * @param plain for HTTP/1.1
 * @param tls for HTTP/1.1 and HTTP/2 over TLS
 */
record Ports(int plain, int tls) {
    /** Two that nobody listens on. */
    static Ports free() throws IOException {
        // Both at the same time, so that they are two.
        try (ServerSocket one = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                ServerSocket other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return new Ports(one.getLocalPort(), other.getLocalPort());
        }
    }
}
