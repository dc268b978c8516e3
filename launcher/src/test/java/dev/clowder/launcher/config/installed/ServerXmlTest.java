package dev.clowder.launcher.config.installed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.config.installed.ServerXml.SharedConnector;
import dev.clowder.launcher.config.installed.ServerXml.WebappHost;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ServerXmlTest {
    @TempDir
    private Path base;

    @BeforeEach
    void conf() throws Exception {
        Files.createDirectories(base.resolve("conf"));
    }

    private ServerXml read(String text) throws Exception {
        InstallationFiles.serverXml(base, text);
        return ServerXml.read(base, Map.of("http.port", "8081")::get);
    }

    @Test
    void everyConnectorOfHttpIsShared() throws Exception {
        ServerXml xml = read("""
                <Server portOffset="10">
                  <Service name="A">
                    <Connector port="8080"/>
                    <Connector port="${http.port}" address="127.0.0.1" protocol="HTTP/1.1"/>
                    <Connector port="${tls.port:-8443}" protocol="org.apache.coyote.http11.Http11NioProtocol" SSLEnabled="true"/>
                    <Engine name="Catalina"><Host name="localhost"/></Engine>
                  </Service>
                  <Service name="B"><Connector port="0"
                      protocol="dev.clowder.valve.ProxyHttp11NioProtocol"/></Service>
                </Server>""");
        assertThat(xml.connectors())
                .containsExactly(
                        new SharedConnector(null, 8090, false, 3),
                        new SharedConnector("127.0.0.1", 8091, false, 4),
                        new SharedConnector(null, 8453, true, 5),
                        new SharedConnector(null, 0, false, 9));
        assertThat(xml.changes()).isEmpty();
    }

    @Test
    void whatCanNotBeSharedIsOffAndSaid() throws Exception {
        ServerXml xml = read("""
                <Server port="8005"><Service>
                  <Connector port="8080"/>
                  <Connector port="8009" protocol="AJP/1.3"/>
                  <Connector port="8081" protocol="org.apache.coyote.http11.Http11Nio2Protocol"/>
                  <Connector unixDomainSocketPath="/tmp/x"/>
                  <Connector port="-1"/>
                  <Engine><Cluster/></Engine>
                </Service></Server>""");
        assertThat(xml.connectors()).extracting(SharedConnector::port).containsExactly(8080);
        assertThat(xml.changes())
                .satisfiesExactly(
                        line -> assertThat(line).startsWith("server.xml line 1: no shutdown port 8005"),
                        line -> assertThat(line).startsWith("server.xml line 3: connector port 8009 (AJP/1.3) is off"),
                        line -> assertThat(line).startsWith("server.xml line 4: connector port 8081"),
                        line -> assertThat(line).startsWith("server.xml line 5: connector /tmp/x"),
                        line -> assertThat(line).startsWith("server.xml line 7: each worker is a member"));
    }

    @Test
    void hostsHaveTheirDirectories() throws Exception {
        ServerXml xml = read("""
                <Server><Service><Connector port="8080"/>
                  <Engine name="Main">
                    <Host name="localhost" appBase="webapps"/>
                    <Host name="shop.example.com" appBase="/srv/shop" xmlBase="descriptors"/>
                  </Engine>
                </Service></Server>""");
        assertThat(xml.hosts())
                .containsExactly(
                        new WebappHost(
                                "Main", "localhost", base.resolve("webapps"), base.resolve("conf/Main/localhost")),
                        new WebappHost("Main", "shop.example.com", Path.of("/srv/shop"), base.resolve("descriptors")));
    }

    @Test
    void anIncludedFileIsReadAsTomcatReadsIt() throws Exception {
        Files.writeString(base.resolve("conf/connectors.xml"), "<Connector port=\"8123\"/>");
        ServerXml xml = read("""
                <!DOCTYPE Server [<!ENTITY connectors SYSTEM "connectors.xml">]>
                <Server><Service>&connectors;</Service></Server>""");
        assertThat(xml.connectors()).extracting(SharedConnector::port).containsExactly(8123);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            <Server><Service><Connector port="8080"/></Server>   | line 1
            <Server><Service><Connector port="http"/></Service></Server> | line 1: port="http" is not a number
            <Server><Service/></Server> | no HTTP/1.1 connector
            nothing | line 1
            """)
    void aBrokenFileIsNamedWithTheLineAndTheReason(String text, String reason) {
        assertThatThrownBy(() -> read(text))
                .isInstanceOf(ServerXml.BrokenException.class)
                .hasMessageStartingWith(base.resolve("conf/server.xml").toString())
                .hasMessageContaining(reason)
                .hasMessageNotContaining("\n");
    }
}
