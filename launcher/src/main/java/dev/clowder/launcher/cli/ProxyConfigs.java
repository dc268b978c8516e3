package dev.clowder.launcher.cli;

import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.ListenAddress;
import io.netty.util.NetUtil;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** Configurations of proxies in front of one cluster: headers if it reads headers, else the PROXY protocol. */
final class ProxyConfigs {
    private static final Pattern PATH = Pattern.compile("/[A-Za-z0-9/._~%?&=+,:@!-]*");
    private static final Pattern HEADER = Pattern.compile("[A-Za-z0-9-]+");
    private static final Duration MARGIN = Duration.ofSeconds(10);

    /** Of Debian and Ubuntu, and of Fedora and its kin. */
    private static final List<String> STREAM_DIRECTORIES =
            List.of("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules");

    private static final String STREAM_MODULE = "ngx_stream_module.so";

    private static final String X_FORWARDED = "x-forwarded";
    private static final String FORWARDED = "forwarded";

    private ProxyConfigs() {}

    /**
     * Returns an {@code nginx.conf}.
     *
     * @throws ConfigException if the description of the cluster can't be right
     */
    static String nginx(DescribedCluster cluster, ListenAddress listen, String serverName) throws ConfigException {
        Map<String, String> values = values(cluster);
        values.put("listen", listen.toString());
        values.put("serverName", serverName);
        if (sendsProxyHeader(cluster)) {
            values.put("module", streamModule());
            return Template.fill("nginx-stream.conf", values);
        }
        String family = family(cluster);
        values.put("maps", family.equals(FORWARDED) ? lines("    ", NGINX_FORWARDED_MAPS) : "");
        values.put(
                "headers",
                switch (family) {
                    case X_FORWARDED -> lines("            ", NGINX_X_FORWARDED);
                    case FORWARDED -> lines("            ", NGINX_FORWARDED);
                    default -> lines("            ", "proxy_set_header " + family + " $remote_addr;\n");
                });
        return Template.fill("nginx-http.conf", values);
    }

    /**
     * Returns a {@code haproxy.cfg}.
     *
     * @throws ConfigException if the description of the cluster can't be right
     */
    static String haproxy(DescribedCluster cluster, ListenAddress listen) throws ConfigException {
        Map<String, String> values = values(cluster);
        values.put("bind", listen.address() == null ? ":" + listen.port() : listen.toString());
        values.put("check", check(cluster));
        if (sendsProxyHeader(cluster)) {
            return Template.fill("haproxy-tcp.cfg", values);
        }
        String family = family(cluster);
        values.put(
                "headers",
                lines(
                        "    ",
                        switch (family) {
                            case X_FORWARDED -> HAPROXY_X_FORWARDED;
                            case FORWARDED -> HAPROXY_FORWARDED;
                            default -> "http-request set-header " + family + " %[src]\n";
                        }));
        return Template.fill("haproxy-http.cfg", values);
    }

    private static Map<String, String> values(DescribedCluster cluster) throws ConfigException {
        RunArguments arguments = cluster.arguments();
        Duration boot = arguments.time("--boot-timeout");
        Duration drain = arguments.time("--drain-timeout");
        Duration longer = boot.compareTo(drain) > 0 ? boot : drain;
        Duration idle = Duration.ofSeconds(60);
        Map<String, String> values = new HashMap<>();
        // A path may hold a line break, which would end the comment.
        values.put("source", cluster.source().replaceAll("\\p{Cntrl}", "?"));
        values.put("server", server(cluster));
        values.put("family", family(cluster));
        values.put("proxyProtocol", arguments.text("--proxy-protocol", "off"));
        values.put("trust", arguments.text("--trust", "loopback").replaceAll("\\p{Cntrl}", " "));
        values.put("drain", ConfigCommand.seconds(drain));
        values.put("drainText", ConfigCommand.text(drain));
        values.put("bootText", ConfigCommand.text(boot));
        values.put("answer", ConfigCommand.seconds((longer.compareTo(idle) > 0 ? longer : idle).plus(MARGIN)));
        return values;
    }

    /** Absolute, because nginx looks for modules below the directory of {@code -p}. */
    private static String streamModule() {
        for (String directory : STREAM_DIRECTORIES) {
            Path module = Path.of(directory, STREAM_MODULE);
            if (Files.exists(module)) {
                return "# A module of its own in this machine's nginx.\nload_module " + module + ";";
            }
        }
        return "# Built into the nginx of nginx.org. Debian has it as a module: install libnginx-mod-stream, and add\n# load_module "
                + Path.of(STREAM_DIRECTORIES.get(0), STREAM_MODULE) + ";";
    }

    private static String server(DescribedCluster cluster) {
        InetSocketAddress listen = cluster.listen();
        return listen.isUnresolved()
                ? listen.getHostString() + ':' + listen.getPort()
                : NetUtil.toSocketAddressString(listen);
    }

    private static boolean sendsProxyHeader(DescribedCluster cluster) throws ConfigException {
        String mode = cluster.arguments().text("--proxy-protocol", "off").toLowerCase(Locale.ROOT);
        return switch (mode) {
            case "off" -> false;
            case "required", "mixed" -> true;
            default -> throw new ConfigException("--proxy-protocol " + mode + ": use off, required or mixed");
        };
    }

    private static String family(DescribedCluster cluster) throws ConfigException {
        String family =
                cluster.arguments().text("--forwarded-headers", X_FORWARDED).toLowerCase(Locale.ROOT);
        if (!HEADER.matcher(family).matches()) {
            throw new ConfigException(
                    "--forwarded-headers " + family + ": use x-forwarded, forwarded, or the name of a header");
        }
        return family;
    }

    private static String check(DescribedCluster cluster) throws ConfigException {
        String path = cluster.arguments().text("--health-path");
        if (path == null || path.isEmpty()) {
            return "    # Whether the port takes connections. With --health-path HAProxy would ask for a page.";
        }
        if (!PATH.matcher(path).matches()) {
            throw new ConfigException("--health-path " + path + ": use a path such as /health");
        }
        return lines("    ", """
                # Asks one worker, whichever is free; as Clowder itself does, anything below 500 is good.
                option httpchk
                http-check send meth GET uri %s ver HTTP/1.1 hdr Host localhost hdr Connection close
                http-check expect rstatus ^[1-4]
                """.formatted(path));
    }

    private static String lines(String indent, String text) {
        return String.join(
                "\n",
                text.lines().map(line -> line.isEmpty() ? "" : indent + line).toList());
    }

    private static final String NGINX_X_FORWARDED = """
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $host;
            proxy_set_header X-Forwarded-Port $server_port;
            proxy_set_header Forwarded "";
            """;

    private static final String NGINX_FORWARDED_MAPS = """

            # RFC 7239: an IPv6 address is in brackets and quotes. A host with other signs would be able to end its quotes.
            map $remote_addr $clowder_for {
                "~^[0-9.]+$"      "for=$remote_addr";
                "~^[0-9a-fA-F:.]+$" 'for="[$remote_addr]"';
                default           "for=unknown";
            }
            map $host $clowder_host {
                "~^[a-zA-Z0-9._:\\[\\]-]+$" ';host="$host:$server_port"';
                default                    "";
            }
            """;

    private static final String NGINX_FORWARDED = """
            proxy_set_header Forwarded "$clowder_for;proto=$scheme$clowder_host";
            proxy_set_header X-Forwarded-For "";
            proxy_set_header X-Forwarded-Proto "";
            proxy_set_header X-Forwarded-Host "";
            proxy_set_header X-Forwarded-Port "";
            """;

    private static final String HAPROXY_X_FORWARDED = """
            http-request del-header Forwarded
            http-request set-header X-Forwarded-For %[src]
            http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
            http-request set-header X-Forwarded-Host %[req.hdr(host)]
            http-request set-header X-Forwarded-Port %[dst_port]
            """;

    private static final String HAPROXY_FORWARDED = """
            http-request del-header X-Forwarded- -m beg
            # HAProxy 2.8 and newer write the same with "option forwarded". RFC 7239: an IPv6 address is in brackets and quotes.
            # A host with other signs would be able to end its quotes.
            acl client_is_ipv6 src -m sub :
            acl host_is_plain req.hdr(host) -m reg ^[a-zA-Z0-9._:\\[\\]-]+$
            http-request set-header Forwarded "for=%[src];proto=%[ssl_fc,iif(https,http)]" unless client_is_ipv6
            http-request set-header Forwarded "for=\\"[%[src]]\\";proto=%[ssl_fc,iif(https,http)]" if client_is_ipv6
            http-request set-header Forwarded "%[req.hdr(forwarded)];host=\\"%[req.hdr(host)]\\"" if host_is_plain
            """;
}
