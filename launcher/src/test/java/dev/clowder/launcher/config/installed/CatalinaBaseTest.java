package dev.clowder.launcher.config.installed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.config.ConfigException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisabledOnOs(value = OS.WINDOWS, disabledReason = "bin/setenv.sh needs a shell")
class CatalinaBaseTest {
    private static final String SERVER_XML =
            "<Server><Service><Connector port=\"${http.port:-8080}\"/></Service></Server>";

    @TempDir
    private Path base;

    @BeforeEach
    void installation() throws IOException {
        InstallationFiles.installation(base, "11.0.24.0");
        InstallationFiles.serverXml(base, SERVER_XML);
    }

    private CatalinaBase open(String... workerOptions) throws ConfigException {
        return CatalinaBase.open(base, null, List.of(workerOptions));
    }

    private int port(CatalinaBase tomcat) {
        return tomcat.serverXml().connectors().get(0).port();
    }

    @ParameterizedTest
    @ValueSource(strings = {"10.1.6.0", "10.1.59.0", "11.0.0.0", "11.0.24.0"})
    void theseLinesCanRun(String version) throws Exception {
        InstallationFiles.installation(base, version);
        assertThat(open().version()).isEqualTo(version);
    }

    @ParameterizedTest
    @CsvSource({"9.0.100.0", "10.0.27.0", "10.1.5.0", "12.0.0.0", "''"})
    void othersAreRefusedWithTheirVersion(String version) throws Exception {
        InstallationFiles.installation(base, version);
        assertThatThrownBy(this::open)
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("can't be run, use 10.1");
    }

    @Test
    void whatIsMissingIsNamed() throws Exception {
        Files.delete(base.resolve("lib/catalina.jar"));
        assertThatThrownBy(this::open)
                .hasMessage("--catalina-base " + base
                        + ": holds no lib/catalina.jar; name the installation by --catalina-home");
        Files.delete(base.resolve("conf/server.xml"));
        assertThatThrownBy(this::open)
                .hasMessage("--catalina-base " + base + ": holds no conf/server.xml that can be read");
        Path nowhere = base.resolve("nowhere");
        assertThatThrownBy(() -> CatalinaBase.open(nowhere, null, List.of()))
                .hasMessage("--catalina-base " + nowhere + ": no such directory");
    }

    @Test
    void baseAndHomeMayBeTwoDirectories() throws Exception {
        Path own = base.resolve("own");
        InstallationFiles.serverXml(own, SERVER_XML);
        CatalinaBase tomcat = CatalinaBase.open(own, base, List.of());
        assertThat(tomcat.classPath())
                .containsExactly(base.resolve("bin/bootstrap.jar"), base.resolve("bin/tomcat-juli.jar"));
    }

    @Test
    void propertiesComeFromTheFileTheScriptAndTheOptionsTheLastWins() throws Exception {
        assertThat(port(open())).isEqualTo(8080);
        Files.writeString(base.resolve("conf/catalina.properties"), "http.port=8081\n");
        assertThat(port(open())).isEqualTo(8081);
        InstallationFiles.setenv(base, "CATALINA_OPTS='-Dhttp.port=8082'\n");
        assertThat(port(open())).isEqualTo(8082);
        assertThat(port(open("-Dhttp.port=8083"))).isEqualTo(8083);
    }

    @Test
    void theScriptIsRunAsCatalinaShRunsIt() throws Exception {
        InstallationFiles.setenv(base, """
                echo said to people
                JAVA_OPTS="-Dname='two words' $JAVA_OPTS"
                export CATALINA_OPTS="-Xmx300m -Dbase=$CATALINA_BASE"
                CLASSPATH=/opt/agent.jar
                JRE_HOME=/opt/jre
                """);
        StartUp startUp = open().startUp();
        assertThat(startUp.options()).containsExactly("-Dname=two words", "-Xmx300m", "-Dbase=" + base);
        assertThat(startUp.classPath()).containsExactly(Path.of("/opt/agent.jar"));
        assertThat(startUp.java()).isEqualTo(Path.of("/opt/jre"));
    }

    @Test
    void aScriptThatFailsIsNamed() throws Exception {
        InstallationFiles.setenv(base, "exit 7\n");
        assertThatThrownBy(this::open).hasMessage(base.resolve("bin/setenv.sh") + ": failed, exit code 7");
    }

    @Test
    void otherPortsAreRefusedWhenItIsReadAgain() throws Exception {
        CatalinaBase tomcat = open();
        assertThat(tomcat.reread(List.of())).isEqualTo(tomcat);
        InstallationFiles.serverXml(base, SERVER_XML.replace("8080", "9090"));
        assertThatThrownBy(() -> tomcat.reread(List.of()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("the ports of its connectors have changed");
    }
}
