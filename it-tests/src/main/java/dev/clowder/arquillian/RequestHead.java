package dev.clowder.arquillian;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Rewrites the head of an HTTP/1 request. */
final class RequestHead {
    // h2c is left out because one connection would then carry all requests.
    private static final Set<String> OF_THE_CONNECTION =
            Set.of("connection", "keep-alive", "proxy-connection", "upgrade", "http2-settings");

    private RequestHead() {}

    /**
     * Whether this is a request that can be the only one of its connection. One that asks for another protocol, such as
     * WebSocket, what begins HTTP/2 without asking, and half a head have to be left as they are.
     */
    static boolean canBeAlone(byte[] head) {
        String text = text(head);
        return text.endsWith("\r\n\r\n")
                && !text.startsWith("PRI ")
                && !asksForAnotherProtocol(text.lines().toList());
    }

    /** Returns the head of the same request as the only one of its connection. */
    static byte[] alone(byte[] head) {
        List<String> lines = new ArrayList<>(text(head).lines().toList());
        lines.removeIf(line -> line.isEmpty() || OF_THE_CONNECTION.contains(name(line)));
        lines.add("Connection: close");
        return (String.join("\r\n", lines) + "\r\n\r\n").getBytes(StandardCharsets.ISO_8859_1);
    }

    private static String text(byte[] head) {
        return new String(head, StandardCharsets.ISO_8859_1);
    }

    private static boolean asksForAnotherProtocol(List<String> lines) {
        return lines.stream()
                .filter(line -> name(line).equals("upgrade"))
                .anyMatch(line -> !line.substring("upgrade:".length()).strip().equalsIgnoreCase("h2c"));
    }

    private static String name(String line) {
        int colon = line.indexOf(':');
        return colon < 0 ? "" : line.substring(0, colon).toLowerCase(Locale.ROOT);
    }
}
