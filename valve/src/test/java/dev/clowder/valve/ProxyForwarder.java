package dev.clowder.valve;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The smallest layer-4 balancer: puts one header before the bytes of each connection and copies both ways. */
final class ProxyForwarder implements AutoCloseable {
    private final byte[] header;
    private final InetSocketAddress to;
    private final ServerSocket listening;
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();

    ProxyForwarder(byte[] header, InetSocketAddress to) throws IOException {
        this.header = header;
        this.to = to;
        listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        start(this::accept);
    }

    int port() {
        return listening.getLocalPort();
    }

    private void accept() {
        try {
            while (true) {
                Socket client = listening.accept();
                Socket server = new Socket();
                sockets.add(client);
                sockets.add(server);
                server.connect(to);
                server.getOutputStream().write(header);
                start(() -> copy(client, server));
                start(() -> copy(server, client));
            }
        } catch (IOException closed) {
            // Ends with close().
        }
    }

    private static void copy(Socket from, Socket into) {
        try {
            InputStream in = from.getInputStream();
            OutputStream out = into.getOutputStream();
            in.transferTo(out);
            into.shutdownOutput();
        } catch (IOException closed) {
            // One side is gone; the other notices by itself or with close().
        }
    }

    private static void start(Runnable task) {
        Thread thread = new Thread(task, "forwarder");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() {
        try {
            listening.close();
            for (Socket socket : sockets) {
                socket.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
