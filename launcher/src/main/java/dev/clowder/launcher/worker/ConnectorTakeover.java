package dev.clowder.launcher.worker;

import dev.clowder.launcher.config.installed.ServerXml;
import java.util.ArrayList;
import java.util.List;
import org.apache.catalina.Executor;
import org.apache.catalina.Server;
import org.apache.catalina.Service;
import org.apache.catalina.connector.Connector;
import org.apache.tomcat.util.digester.Rule;
import org.apache.tomcat.util.digester.SetPropertiesRule;
import org.xml.sax.Attributes;

/**
 * Puts a connector of ours in the place of each one in {@code server.xml} that workers share, while the file is read: it
 * gets the same attributes and whatever is nested in the element. Runs behind Tomcat's own rules for the element.
 *
 * @see org.apache.catalina.startup.ConnectorCreateRule
 */
final class ConnectorTakeover extends Rule {
    /** Those that decide how a connector is made; Tomcat's own rule leaves them out too. */
    private static final String[] OF_CONSTRUCTION = {"executor", "sslImplementationName", "protocol"};

    private final List<WorkerConnector> prepared;
    private final List<Connector> unshared = new ArrayList<>();
    private int next;

    /** @param prepared for each shared connector, in the order of the file */
    ConnectorTakeover(List<WorkerConnector> prepared) {
        this.prepared = prepared;
    }

    @Override
    public void begin(String namespace, String name, Attributes attributes) throws Exception {
        Connector stock = (Connector) digester.peek();
        boolean shared = ServerXml.isShared(attributes.getValue("protocol"))
                && attributes.getValue("unixDomainSocketPath") == null
                && stock.getPort() >= 0;
        if (!shared) {
            unshared.add(stock);
            return;
        }
        if (next == prepared.size()) {
            throw new StartFailedException("server.xml has more connectors than ports were bound for at the start;"
                    + " stop the cluster and run it again");
        }
        digester.pop();
        Service service = (Service) digester.peek();
        Server server = (Server) digester.peek(1);
        WorkerConnector replacement = prepared.get(next++);
        WorkerProtocol protocol = replacement.protocol();
        Connector ours = replacement.connector();
        String executorName = attributes.getValue("executor");
        Executor executor = executorName == null ? null : service.getExecutor(executorName);
        if (executor != null) {
            protocol.setExecutor(executor);
        }
        String implementation = attributes.getValue("sslImplementationName");
        if (implementation != null) {
            protocol.setSslImplementationName(implementation);
        }
        digester.push(ours);
        SetPropertiesRule properties = new SetPropertiesRule(OF_CONSTRUCTION);
        properties.setDigester(digester);
        properties.begin(namespace, name, attributes);
        ours.setPortOffset(server.getPortOffset());
        // Whatever the file says.
        ours.setProperty("bindOnInit", "false");
    }

    /** Whether the file has the connectors that there are ports for. */
    boolean isComplete() {
        return next == prepared.size();
    }

    /** The connectors that must not be started. */
    List<Connector> unshared() {
        return unshared;
    }
}
