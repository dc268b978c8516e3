package dev.clowder.launcher.proxy;

import dev.clowder.launcher.proxy.ProxySettings.HeaderFamily;
import io.netty.util.NetUtil;
import io.vertx.core.MultiMap;
import io.vertx.core.net.HostAndPort;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a row of proxies does to the head of one request. As nginx with the lines that {@code clowder config nginx} prints,
 * but appending: each proxy adds the address of its own peer to the list, and the first one, the edge, sets what was asked
 * for. Immutable.
 */
final class Forwarding {
    /** RFC 5737: an address that belongs to nobody. */
    private static final String LIAR = "198.51.100.66";

    private static final String ELSEWHERE = "spoofed.example";
    private static final String X_FORWARDED_FOR = "X-Forwarded-For";
    private static final String FORWARDED = "Forwarded";

    private static final Map<String, String> FALSE = falseHeaders();

    private final ProxySettings settings;

    Forwarding(ProxySettings settings) {
        this.settings = settings;
    }

    private static Map<String, String> falseHeaders() {
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put(X_FORWARDED_FOR, LIAR);
        headers.put("X-Forwarded-Proto", "https");
        headers.put("X-Forwarded-Host", ELSEWHERE);
        headers.put("X-Forwarded-Port", "6666");
        headers.put("X-Forwarded-Prefix", "/spoofed");
        headers.put("X-Forwarded-By", LIAR);
        headers.put("X-Forwarded-Server", ELSEWHERE);
        headers.put("X-Forwarded-Ssl", "on");
        headers.put(FORWARDED, "for=" + LIAR + ";proto=https;host=" + ELSEWHERE);
        for (String single :
                List.of("X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "Fastly-Client-IP", "X-Azure-ClientIP")) {
            headers.put(single, LIAR);
        }
        headers.put("X_Forwarded_For", LIAR);
        headers.put("X-Forwarded-Client-Cert", "Subject=\"CN=" + ELSEWHERE + "\"");
        headers.put("Client-Cert", ":c3Bvb2ZlZA==:");
        return headers;
    }

    /** Names and values that a spoofing client sends. */
    static Map<String, String> spoofed() {
        return Map.copyOf(FALSE);
    }

    /** Whom the first proxy sees. */
    InetSocketAddress client(InetSocketAddress real) {
        InetAddress played = settings.client();
        return played == null ? real : new InetSocketAddress(played, real.getPort());
    }

    /** Whom the last proxy sees: the source of a PROXY header. */
    InetSocketAddress lastPeer(InetSocketAddress real) {
        List<InetAddress> hops = settings.hops();
        return hops.isEmpty() ? client(real) : new InetSocketAddress(hops.get(hops.size() - 1), real.getPort());
    }

    /**
     * Changes the head as all the proxies in a row do.
     *
     * @param real the client's socket
     * @param asked what the Host header says; null without a good one
     * @return what was added, for people
     */
    List<String> apply(MultiMap head, InetSocketAddress real, @Nullable HostAndPort asked) {
        List<String> added = new ArrayList<>();
        if (settings.spoof()) {
            FALSE.forEach(head::set);
        }
        List<InetAddress> peers = new ArrayList<>();
        peers.add(client(real).getAddress());
        peers.addAll(settings.hops());
        if (settings.headers().contains(HeaderFamily.X_FORWARDED)) {
            List<String> names = peers.stream().map(NetUtil::toAddressString).toList();
            add(head, X_FORWARDED_FOR, String.join(", ", names), added);
            Asked of = asked(asked);
            set(head, "X-Forwarded-Proto", of.scheme(), added);
            set(head, "X-Forwarded-Host", of.authority(), added);
            set(head, "X-Forwarded-Port", String.valueOf(of.port()), added);
        }
        if (settings.headers().contains(HeaderFamily.FORWARDED)) {
            Asked of = asked(asked);
            List<String> elements = new ArrayList<>();
            for (InetAddress peer : peers) {
                String edge = elements.isEmpty() ? ";proto=" + of.scheme() + ";host=" + quoted(of.authority()) : "";
                elements.add("for=" + node(peer) + edge);
            }
            add(head, FORWARDED, String.join(", ", elements), added);
        }
        if (settings.spoof()) {
            added.add("the client sent, all false: " + String.join(", ", FALSE.keySet()));
        }
        return added;
    }

    /** Behind what is there already, all lines of it. */
    private static void add(MultiMap head, String name, String value, List<String> added) {
        List<String> lines = head.getAll(name);
        head.set(name, lines.isEmpty() ? value : String.join(", ", lines) + ", " + value);
        added.add("+ " + name + ": " + value);
    }

    private static void set(MultiMap head, String name, String value, List<String> added) {
        head.set(name, value);
        added.add("+ " + name + ": " + value);
    }

    private Asked asked(@Nullable HostAndPort host) {
        URI url = settings.publicUrl();
        if (url != null) {
            return new Asked(url.getScheme(), url.getRawAuthority(), url.getPort());
        }
        return host == null
                ? new Asked(
                        "http",
                        NetUtil.toSocketAddressString(settings.listen()),
                        settings.listen().getPort())
                : new Asked("http", host.toString(), host.port());
    }

    private static String node(InetAddress address) {
        String text = NetUtil.toAddressString(address);
        return address instanceof Inet6Address ? quoted('[' + text + ']') : text;
    }

    /** RFC 7230 quoted-string. */
    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    /** What the client asked the edge for; port -1 is that of the scheme. */
    private record Asked(String scheme, String authority, int port) {
        Asked {
            if (port < 0) {
                port = scheme.equals("https") ? 443 : 80;
            }
        }
    }
}
