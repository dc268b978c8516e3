package dev.clowder.launcher.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.util.NetUtil;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.HostAndPort;
import java.net.InetAddress;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Who may see and who may press. Immutable.
 *
 * <ul>
 *   <li>On loopback the name that was asked for must be one of this machine, so that no page of a stranger can reach it by
 *       a name of its own that points here.
 *   <li>With a token, the token: {@code Authorization: Bearer TOKEN}, or {@code Basic} with it as the password.
 *   <li>For commands, that they come from our page: its own secret in a header that no other page may set, and nothing in
 *       {@code Origin} and {@code Sec-Fetch-Site} that says otherwise.
 * </ul>
 */
final class Guard {
    static final String PAGE_HEADER = "X-Clowder-Page";

    private final boolean local;
    private final byte @Nullable [] token;
    private final String pageSecret;

    Guard(boolean local, @Nullable String token) {
        this.local = local;
        this.token = token == null ? null : token.getBytes(UTF_8);
        byte[] random = new byte[24];
        new SecureRandom().nextBytes(random);
        pageSecret = HexFormat.of().formatHex(random);
    }

    /** In our page, for the header of its commands. */
    String pageSecret() {
        return pageSecret;
    }

    /** Whether the client asked for a host that it may ask for here. */
    boolean isOurName(HttpServerRequest request) {
        if (!local || token != null) {
            return true;
        }
        HostAndPort authority = request.authority();
        if (authority == null) {
            return false;
        }
        String host = authority.host().toLowerCase(Locale.ROOT);
        if (host.equals("localhost") || host.endsWith(".localhost")) {
            return true;
        }
        InetAddress address = NetUtil.createInetAddressFromIpAddressString(host);
        return address != null && address.isLoopbackAddress();
    }

    /** Whether the client knows the token, if there is one. */
    boolean knowsToken(HttpServerRequest request) {
        byte[] wanted = token;
        if (wanted == null) {
            return true;
        }
        String given = request.getHeader("Authorization");
        if (given == null) {
            return false;
        }
        int space = given.indexOf(' ');
        String scheme = given.substring(0, Math.max(0, space)).toLowerCase(Locale.ROOT);
        String credentials = given.substring(space + 1).strip();
        if (scheme.equals("basic")) {
            try {
                String pair = new String(Base64.getDecoder().decode(credentials), UTF_8);
                credentials = pair.substring(pair.indexOf(':') + 1);
            } catch (IllegalArgumentException e) {
                return false;
            }
        } else if (!scheme.equals("bearer")) {
            return false;
        }
        return MessageDigest.isEqual(wanted, credentials.getBytes(UTF_8));
    }

    /** Whether the browser says that a page of somebody else asks. */
    boolean isFromElsewhere(HttpServerRequest request) {
        String site = request.getHeader("Sec-Fetch-Site");
        if (site != null && !site.equals("same-origin") && !site.equals("none")) {
            return true;
        }
        String origin = request.getHeader("Origin");
        String host = request.getHeader("Host");
        // Behind a proxy with TLS the scheme is another one.
        return origin != null
                && (host == null || !origin.replaceFirst("^https?://", "").equalsIgnoreCase(host));
    }

    /** Whether a command comes from our page. */
    boolean isFromOurPage(HttpServerRequest request) {
        String given = request.getHeader(PAGE_HEADER);
        return given != null
                && MessageDigest.isEqual(pageSecret.getBytes(UTF_8), given.getBytes(UTF_8))
                && !isFromElsewhere(request);
    }
}
