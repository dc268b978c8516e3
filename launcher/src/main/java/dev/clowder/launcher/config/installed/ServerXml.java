package dev.clowder.launcher.config.installed;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.parsers.SAXParserFactory;
import org.jspecify.annotations.Nullable;
import org.xml.sax.Attributes;
import org.xml.sax.InputSource;
import org.xml.sax.Locator;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;
import org.xml.sax.helpers.DefaultHandler;

/**
 * What the supervisor must know of a {@code server.xml}: the ports to bind, the directories to watch, and what can't be
 * shared between workers. Everything else is read by the Tomcat in each worker. Immutable.
 *
 * @param connectors those that all workers share, in the order of the file
 * @param hosts with the applications' directories
 * @param changes what is different from this Tomcat on its own, a line each for people
 */
public record ServerXml(List<SharedConnector> connectors, List<WebappHost> hosts, List<String> changes) {
    public ServerXml {
        connectors = List.copyOf(connectors);
        hosts = List.copyOf(hosts);
        changes = List.copyOf(changes);
    }

    /**
     * One port.
     *
     * @param address as written, null for all addresses
     * @param port with the server's {@code portOffset}; 0 lets the kernel choose
     * @param line of the file
     */
    public record SharedConnector(@Nullable String address, int port, boolean tls, int line) {}

    /**
     * One virtual host.
     *
     * @param appBase absolute
     * @param descriptors directory of context descriptors, absolute; it need not exist
     */
    public record WebappHost(String engine, String name, Path appBase, Path descriptors) {}

    /** The file can't be used. The message names it, the line and the reason. */
    public static final class BrokenException extends Exception {
        private static final long serialVersionUID = 1;

        BrokenException(Path file, int line, String reason) {
            super(file + (line > 0 ? " line " + line : "") + ": " + reason);
        }
    }

    /**
     * Reads the file as Tomcat's own parser would: entities are included, {@code ${...}} is replaced.
     *
     * @param base the {@code CATALINA_BASE}
     * @param property value of a property in {@code ${...}}, null if there is none
     * @throws BrokenException if Tomcat could not run it
     */
    public static ServerXml read(Path base, Function<String, @Nullable String> property) throws BrokenException {
        Path file = base.resolve("conf").resolve("server.xml");
        Handler handler = new Handler(base, property);
        try (InputStream in = Files.newInputStream(file)) {
            InputSource source = new InputSource(in);
            source.setSystemId(file.toUri().toString());
            SAXParserFactory.newInstance().newSAXParser().parse(source, handler);
        } catch (SAXParseException e) {
            throw new BrokenException(file, e.getLineNumber(), String.valueOf(e.getMessage()));
        } catch (SAXException | ParserConfigurationException e) {
            throw new BrokenException(file, 0, String.valueOf(e.getMessage()));
        } catch (IOException e) {
            throw new BrokenException(file, 0, "can't be read (" + e.getMessage() + ")");
        }
        if (handler.connectors.isEmpty()) {
            throw new BrokenException(file, 0, "no HTTP/1.1 connector with a port, so there is nothing to listen on");
        }
        return new ServerXml(handler.connectors, handler.hosts, handler.changes);
    }

    /**
     * Whether workers can share a connector with this {@code protocol} attribute: Tomcat's NIO connector for HTTP/1.1, by
     * any of its names, and ours.
     */
    public static boolean isShared(@Nullable String protocol) {
        return protocol == null
                || protocol.equals("HTTP/1.1")
                || protocol.equals("org.apache.coyote.http11.Http11NioProtocol")
                || protocol.equals("dev.clowder.valve.ProxyHttp11NioProtocol");
    }

    /** What has to be bound, in the order of the file. */
    List<String> ports() {
        return connectors.stream()
                .map(connector -> connector.address() + " " + connector.port())
                .toList();
    }

    private static final class Handler extends DefaultHandler {
        private static final String SERVER = "Server";
        private static final String ENGINE = SERVER + "/Service/Engine";

        /** As Tomcat's {@code IntrospectionUtils}: a default may follow behind {@code :-}. */
        private static final Pattern PROPERTY = Pattern.compile("\\$\\{([^}]*?)(?::-([^}]*))?\\}");

        private final Path base;
        private final Function<String, @Nullable String> property;
        private final Deque<String> path = new ArrayDeque<>();
        final List<SharedConnector> connectors = new ArrayList<>();
        final List<WebappHost> hosts = new ArrayList<>();
        final List<String> changes = new ArrayList<>();
        private @Nullable Locator locator;
        private int portOffset;
        private String engine = "";

        Handler(Path base, Function<String, @Nullable String> property) {
            this.base = base;
            this.property = property;
        }

        @Override
        public void setDocumentLocator(Locator where) {
            locator = where;
        }

        @Override
        public void startElement(String uri, String localName, String name, Attributes attributes) throws SAXException {
            String at = path.isEmpty() ? name : path.peek() + "/" + name;
            path.push(at);
            switch (at) {
                case SERVER -> server(attributes);
                case SERVER + "/Service/Connector" -> connector(attributes);
                case ENGINE -> engine = value(attributes, "name", "Catalina");
                case ENGINE + "/Host" -> host(attributes);
                case ENGINE + "/Cluster", ENGINE + "/Host/Cluster" ->
                    changes.add(where() + ": each worker is a member of the <Cluster>, its receiver takes the next free"
                            + " port");
                default -> {
                    // Of no concern to the supervisor.
                }
            }
        }

        @Override
        public void endElement(String uri, String localName, String name) {
            path.pop();
        }

        private void server(Attributes attributes) throws SAXException {
            portOffset = number(attributes, "portOffset", 0);
            int shutdown = number(attributes, "port", -1);
            if (shutdown > 0) {
                changes.add(where() + ": no shutdown port " + (shutdown + portOffset)
                        + "; use the command stop, or SIGTERM to the supervisor");
            }
        }

        private void connector(Attributes attributes) throws SAXException {
            String protocol = value(attributes, "protocol", "HTTP/1.1");
            int port = number(attributes, "port", -1);
            String socket = value(attributes, "unixDomainSocketPath", "");
            if (!isShared(protocol) || !socket.isEmpty()) {
                changes.add(where() + ": connector " + (socket.isEmpty() ? "port " + port : socket) + " (" + protocol
                        + ") is off, only HTTP/1.1 connectors of NIO on a port can be shared by workers");
            } else if (port >= 0) {
                String address = attributes.getValue("address");
                connectors.add(new SharedConnector(
                        address == null ? null : replaced(address),
                        port == 0 ? 0 : port + portOffset,
                        Boolean.parseBoolean(value(attributes, "SSLEnabled", "false")),
                        line()));
            }
        }

        private void host(Attributes attributes) {
            String name = value(attributes, "name", "localhost");
            Path appBase = base.resolve(value(attributes, "appBase", "webapps")).normalize();
            String xmlBase = value(attributes, "xmlBase", "");
            Path descriptors =
                    xmlBase.isEmpty() ? base.resolve("conf").resolve(engine).resolve(name) : base.resolve(xmlBase);
            hosts.add(new WebappHost(engine, name, appBase, descriptors));
        }

        private int number(Attributes attributes, String name, int otherwise) throws SAXException {
            String text = value(attributes, name, String.valueOf(otherwise));
            try {
                return Integer.parseInt(text);
            } catch (NumberFormatException e) {
                throw new SAXParseException(name + "=\"" + text + "\" is not a number", locator);
            }
        }

        private String value(Attributes attributes, String name, String otherwise) {
            String written = attributes.getValue(name);
            return written == null ? otherwise : replaced(written);
        }

        private String replaced(String text) {
            return PROPERTY.matcher(text).replaceAll(found -> {
                String value = property.apply(found.group(1));
                String known = value == null ? found.group(2) : value;
                return Matcher.quoteReplacement(known == null ? found.group() : known);
            });
        }

        private String where() {
            return "server.xml line " + line();
        }

        private int line() {
            return locator == null ? 0 : locator.getLineNumber();
        }
    }
}
