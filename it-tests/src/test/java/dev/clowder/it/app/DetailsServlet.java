package dev.clowder.it.app;

import dev.clowder.valve.Forwarded;
import dev.clowder.valve.ProxyProtocol;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Says what the application sees of its client, one {@code name=value} a line. */
@WebServlet("/details")
public class DetailsServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;
    private static final Map<String, Forwarded> REMEMBERED = new ConcurrentHashMap<>();

    /** Returns what a request with the parameter {@code remember=KEY} to this same worker carried. */
    public static @Nullable Forwarded remembered(String key) {
        return REMEMBERED.remove(key);
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Forwarded forwarded = Forwarded.of(request);
        String key = request.getParameter("remember");
        if (key != null) {
            REMEMBERED.put(key, forwarded);
        }
        Map<String, Object> details = new TreeMap<>();
        details.put("remoteAddr", request.getRemoteAddr());
        details.put("remoteHost", request.getRemoteHost());
        details.put("remotePort", request.getRemotePort());
        details.put("scheme", request.getScheme());
        details.put("secure", request.isSecure());
        details.put("serverName", request.getServerName());
        details.put("serverPort", request.getServerPort());
        details.put("virtualHost", getServletContext().getVirtualServerName());
        details.put("url", request.getRequestURL());
        details.put("headers", headerNames(request));
        details.put("forwarded.ip", forwarded.getIp());
        details.put("forwarded.ips", forwarded.getIps());
        details.put("forwarded.protocol", forwarded.getProtocol());
        details.put("forwarded.secure", forwarded.isSecure());
        details.put("forwarded.hostname", forwarded.getHostname());
        details.put("forwarded.peer", forwarded.getPeer());
        details.put("forwarded.reason", forwarded.getReason());
        details.put("same", forwarded == request.getAttribute("forwarded"));
        details.put("worker.id", System.getProperty("clowder.worker.id"));
        details.put("connection", request.getServletConnection().getConnectionId());
        describe(ProxyProtocol.of(request), details);
        response.setContentType("text/plain;charset=UTF-8");
        PrintWriter out = response.getWriter();
        details.forEach((name, value) -> out.println(name + "=" + value));
    }

    private static void describe(@Nullable ProxyProtocol proxied, Map<String, Object> details) {
        details.put("proxied", proxied != null);
        if (proxied == null) {
            return;
        }
        details.put("proxied.version", proxied.getVersion());
        details.put("proxied.source", String.valueOf(proxied.getSource()));
        details.put("proxied.sourcePort", proxied.getSourcePort());
        details.put("proxied.authority", String.valueOf(proxied.getAuthority()));
        details.put("proxied.uniqueId", String.valueOf(proxied.getUniqueId()));
        details.put(
                "proxied.types",
                proxied.getTlvs().stream()
                        .map(tlv -> "%02x".formatted(tlv.getType()))
                        .toList());
        ProxyProtocol.Ssl ssl = proxied.getSsl();
        if (ssl != null) {
            details.put("proxied.tls", String.valueOf(ssl.getVersion()));
            details.put("proxied.cipher", String.valueOf(ssl.getCipher()));
            details.put("proxied.commonName", String.valueOf(ssl.getCommonName()));
            details.put("proxied.verified", ssl.isVerified());
        }
    }

    private static Set<String> headerNames(HttpServletRequest request) {
        Set<String> names = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
        names.addAll(Collections.list(request.getHeaderNames()));
        return names;
    }
}
