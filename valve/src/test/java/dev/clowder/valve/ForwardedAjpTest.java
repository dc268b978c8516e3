package dev.clowder.valve;

import static dev.clowder.valve.LiveServer.valve;
import static org.assertj.core.api.Assertions.assertThat;

import dev.clowder.valve.LiveServer.Level;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.apache.catalina.connector.Connector;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** AJP, where the message names the peer, over a Unix socket too: the socket says nothing of it. */
class ForwardedAjpTest {

    private static final int TO_SERVER = 0x1234;
    private static final int SEND_BODY = 3;
    private static final int END = 5;

    @ParameterizedTest
    @CsvSource({"unix, 198.51.100.9", "198.51.100.9, 203.0.113.7"})
    void thePeerIsThatOfTheMessage(String trusted, String client) throws Exception {
        LiveServer server = new LiveServer();
        server.add(Level.ENGINE, valve("trust", trusted));
        Path path = server.base().resolve("s");
        Connector ajp = new Connector("AJP/1.3");
        ajp.setProperty("unixDomainSocketPath", path.toString());
        ajp.setProperty("secretRequired", "false");
        server.tomcat.getService().addConnector(ajp);
        server.start();
        try (server;
                SocketChannel socket = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            for (int i = 0; i < 2; i++) {
                String body = get(socket, "198.51.100.9", "203.0.113.7");
                assertThat(body.lines()).contains("remoteAddr=" + client, "forwarded.peer=198.51.100.9");
            }
        }
    }

    /** A GET of / by this peer, with X-Forwarded-For; the body of the answer. */
    private static String get(SocketChannel socket, String peer, String forwardedFor) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream message = new DataOutputStream(bytes);
        message.writeByte(2); // forward a request
        message.writeByte(2); // GET
        for (String text : new String[] {"HTTP/1.1", "/", peer, peer, "app.internal"}) {
            write(message, text);
        }
        message.writeShort(80);
        message.writeBoolean(false);
        message.writeShort(2);
        for (String text : new String[] {"host", "app.internal", "x-forwarded-for", forwardedFor}) {
            write(message, text);
        }
        message.writeByte(0xff);
        DataOutputStream out = new DataOutputStream(Channels.newOutputStream(socket));
        ByteArrayOutputStream packet = new ByteArrayOutputStream();
        DataOutputStream framed = new DataOutputStream(packet);
        framed.writeShort(TO_SERVER);
        framed.writeShort(bytes.size());
        framed.write(bytes.toByteArray());
        out.write(packet.toByteArray());
        out.flush();
        return body(new DataInputStream(Channels.newInputStream(socket)));
    }

    private static void write(DataOutputStream to, String text) throws IOException {
        to.writeShort(text.length());
        to.writeBytes(text);
        to.writeByte(0);
    }

    private static String body(DataInputStream in) throws IOException {
        StringBuilder body = new StringBuilder();
        while (true) {
            in.readShort();
            byte[] message = in.readNBytes(in.readUnsignedShort());
            if (message[0] == END) {
                return body.toString();
            }
            if (message[0] == SEND_BODY) {
                int length = ((message[1] & 0xff) << 8) | (message[2] & 0xff);
                body.append(new String(message, 3, length, StandardCharsets.UTF_8));
            }
        }
    }
}
