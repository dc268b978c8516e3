package dev.clowder.launcher.cli;

import dev.clowder.launcher.config.ListenAddress;
import dev.clowder.launcher.proxy.DevelopmentProxy;
import dev.clowder.launcher.proxy.ProxySettings;
import dev.clowder.launcher.proxy.ProxySettings.HeaderFamily;
import dev.clowder.launcher.proxy.ProxySettings.ProxyVersion;
import dev.clowder.launcher.supervisor.Status;
import dev.clowder.launcher.wire.Signals;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
        name = "proxy",
        sortOptions = false,
        description =
                "Runs a proxy for development in front of an application: HTTP/1.1 and WebSocket, with the headers"
                        + " that a proxy in production would add. Prints each request, until it is interrupted.")
final class ProxyCommand implements Callable<Integer> {
    private static final int COULD_NOT_START = 3;
    private static final int MOST_HOPS = 100;

    @Option(
            names = "--to",
            paramLabel = "URL",
            description =
                    "the application, such as http://localhost:3000 (default: the cluster of --port or --run-dir)")
    @Nullable
    String to;

    @Mixin
    ControlClient cluster = new ControlClient();

    @Option(
            names = "--listen",
            paramLabel = "[ADDRESS:]PORT",
            defaultValue = "8000",
            converter = ListenAddress.Converter.class,
            description = "where to take clients; without an address those of this machine only (default: 8000)")
    ListenAddress listen = new ListenAddress(null, 0);

    @Option(
            names = "--headers",
            paramLabel = "FAMILY",
            defaultValue = "x-forwarded",
            description = "what to add: x-forwarded, forwarded (RFC 7239), both or none (default: x-forwarded)")
    String headers = "x-forwarded";

    @Option(
            names = "--proxy-protocol",
            paramLabel = "VERSION",
            defaultValue = "off",
            description = "begin each connection to the application with a PROXY header: off, v1 or v2 (default: off)")
    String proxyProtocol = "off";

    @Option(
            names = "--hops",
            paramLabel = "N|ADDRESS,...",
            defaultValue = "1",
            description =
                    "play N proxies in a row, the others at 127.0.0.11, 127.0.0.12 and so on; or name the addresses"
                            + " of the others, the one next to the client first (default: 1)")
    String hops = "1";

    @Option(
            names = "--client",
            paramLabel = "ADDRESS",
            description =
                    "name this client (default: the real one; with --spoof 203.0.113.7, who is trusted by nobody)")
    @Nullable
    String client;

    @Option(
            names = "--public",
            paramLabel = "URL",
            description =
                    "what clients are said to have asked for, such as https://shop.example.com (default: their own"
                            + " Host, and http)")
    @Nullable
    String publicUrl;

    @Option(
            names = "--spoof",
            description = "make the client send false values of every forwarding header, which nobody may believe")
    boolean spoof;

    @Option(names = "--help", usageHelp = true, description = "show this")
    boolean help;

    @Spec
    CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws ControlClient.NoClusterException, IOException, InterruptedException {
        ProxySettings settings = settings();
        CountDownLatch interrupted = new CountDownLatch(1);
        Signals.on(List.of("TERM", "INT"), interrupted::countDown);
        PrintWriter out = spec.commandLine().getOut();
        DevelopmentProxy proxy;
        try {
            proxy = DevelopmentProxy.start(settings, out);
        } catch (IOException e) {
            spec.commandLine().getErr().println("clowder: " + e.getMessage());
            return COULD_NOT_START;
        }
        try (proxy) {
            out.println("clowder: proxy on http://" + NetUtil.toSocketAddressString(proxy.address()) + " to http://"
                    + NetUtil.toSocketAddressString(settings.target()));
            out.flush();
            interrupted.await();
        }
        return 0;
    }

    private ProxySettings settings() throws ControlClient.NoClusterException, IOException {
        InetAddress named = client == null ? null : address("--client", client);
        if (named == null && spoof) {
            named = address("--client", "203.0.113.7");
        }
        return new ProxySettings(
                new InetSocketAddress(
                        listen.address() == null ? InetAddress.getLoopbackAddress() : listen.address(), listen.port()),
                to == null ? running() : target(url("--to", to)),
                families(),
                version(),
                hops(),
                named,
                publicUrl == null ? null : url("--public", publicUrl),
                spoof);
    }

    private InetSocketAddress running() throws ControlClient.NoClusterException, IOException {
        String status;
        try {
            status = cluster.status();
        } catch (ControlClient.NoClusterException e) {
            throw new ControlClient.NoClusterException(e.getMessage() + "; --to URL names another application");
        }
        Status.ListenerStatus listener = Status.parse(status).listeners().get(0);
        InetAddress address = address("--port", listener.address());
        return new InetSocketAddress(
                address.isAnyLocalAddress() ? InetAddress.getLoopbackAddress() : address, listener.port());
    }

    /** An absolute URL of nothing but scheme, host and port. */
    private URI url(String option, String text) {
        URI url;
        try {
            url = new URI(text).parseServerAuthority();
        } catch (URISyntaxException e) {
            throw wrong(option + " " + text + ": not a URL (" + e.getReason() + "), use http://localhost:3000");
        }
        boolean http = "http".equalsIgnoreCase(url.getScheme()) || "https".equalsIgnoreCase(url.getScheme());
        if (!http || url.getHost() == null) {
            throw wrong(option + " " + text + ": use a URL such as http://localhost:3000");
        }
        if (url.getPort() > 65535 || url.getPort() == 0) {
            throw wrong(option + " " + text + ": " + url.getPort() + " is not a port");
        }
        boolean more = url.getRawQuery() != null || url.getRawFragment() != null || url.getRawUserInfo() != null;
        if (more || !(url.getRawPath().isEmpty() || url.getRawPath().equals("/"))) {
            throw wrong(option + " " + text + ": only scheme, host and port; paths are passed on as they are");
        }
        return url;
    }

    private InetSocketAddress target(URI url) {
        if (!url.getScheme().equalsIgnoreCase("http")) {
            throw wrong("--to " + url + ": speaks plain HTTP to the application, use http://");
        }
        try {
            return new InetSocketAddress(InetAddress.getByName(url.getHost()), url.getPort() < 0 ? 80 : url.getPort());
        } catch (UnknownHostException e) {
            throw wrong("--to " + url + ": no such host");
        }
    }

    private Set<HeaderFamily> families() {
        return switch (headers.toLowerCase(Locale.ROOT)) {
            case "x-forwarded" -> Set.of(HeaderFamily.X_FORWARDED);
            case "forwarded" -> Set.of(HeaderFamily.FORWARDED);
            case "both" -> Set.of(HeaderFamily.X_FORWARDED, HeaderFamily.FORWARDED);
            case "none" -> Set.of();
            default -> throw wrong("--headers " + headers + ": use x-forwarded, forwarded, both or none");
        };
    }

    private ProxyVersion version() {
        for (ProxyVersion version : ProxyVersion.values()) {
            if (version.toString().equalsIgnoreCase(proxyProtocol)) {
                return version;
            }
        }
        throw wrong("--proxy-protocol " + proxyProtocol + ": use off, v1 or v2");
    }

    private List<InetAddress> hops() {
        List<InetAddress> others = new ArrayList<>();
        if (hops.matches("\\d{1,9}")) {
            int count = Integer.parseInt(hops);
            if (count < 1 || count > MOST_HOPS) {
                throw wrong("--hops " + hops + ": use 1 to " + MOST_HOPS);
            }
            for (int i = 1; i < count; i++) {
                others.add(address("--hops", "127.0.0." + (10 + i)));
            }
        } else {
            for (String text : hops.split(",", -1)) {
                others.add(address("--hops", text.strip()));
            }
        }
        return others;
    }

    private InetAddress address(String option, String text) {
        InetAddress address = ListenAddress.literal(text);
        if (address == null) {
            throw wrong(option + " " + text + ": not an address");
        }
        return address;
    }

    private ParameterException wrong(String problem) {
        return new ParameterException(spec.commandLine(), problem);
    }
}
