package dev.clowder.arquillian;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.function.Consumer;
import org.jboss.arquillian.container.spi.ConfigurationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClowderConfigurationTest {
    private final ClowderConfiguration configuration = new ClowderConfiguration();

    @Test
    void argumentsAreSplitAtBlanksOutsideQuotes() {
        configuration.setArguments("  --trust \"2; 10.0.0.0/8\"\t--worker-opts \"-Xmx64m -Xss512k\" --accept relay ");
        assertThat(configuration.argumentList())
                .containsExactly("--trust", "2; 10.0.0.0/8", "--worker-opts", "-Xmx64m -Xss512k", "--accept", "relay");
    }

    @Test
    void withoutArgumentsThereAreNone() {
        assertThat(configuration.argumentList()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "shop.war,/shop",
        "ROOT.war,/",
        "a#b.war,/a/b",
        "shop##2.war,/shop",
        "ROOT##7.war,/",
        "a#b##c#d.war,/a/b"
    })
    void archivesAreMountedByTheirFileNameAsInTomcat(String archive, String path) {
        assertThat(ClowderContainer.path(archive)).isEqualTo(path);
    }

    @Test
    void aWrongPropertyIsNamedWithItsValue() {
        assertRefused(wrong -> wrong.setWorkers(0), "workers=0");
        assertRefused(wrong -> wrong.setStartupTimeoutSeconds(0), "startupTimeoutSeconds=0");
        assertRefused(wrong -> wrong.setStopTimeoutSeconds(-1), "stopTimeoutSeconds=-1");
        assertRefused(wrong -> wrong.setRunDirRoot("/no/such/directory"), "runDirRoot=/no/such/directory");
        assertRefused(wrong -> wrong.setArguments("--trust \"2; 10.0.0.0/8"), "arguments=--trust");
        assertRefused(
                wrong -> {
                    wrong.setKillBetweenRequests(true);
                    wrong.setSpreadRequests(false);
                },
                "killBetweenRequests=true: spreadRequests=false");
        assertRefused(wrong -> wrong.setCatalinaHome("/no/such/tomcat"), "catalinaHome=/no/such/tomcat");
        assertRefused(wrong -> wrong.setJavaHome("/no/such/jdk"), "/no/such/jdk/bin/java");
        assertRefused(
                wrong -> {
                    // A jar that is looked for only after the Java command was found.
                    wrong.setJavaHome(System.getProperty("java.home"));
                    wrong.setClowderJar("/no/such/clowder.jar");
                },
                "/no/such/clowder.jar");
    }

    private static void assertRefused(Consumer<ClowderConfiguration> mistake, String named) {
        ClowderConfiguration configuration = new ClowderConfiguration();
        mistake.accept(configuration);
        assertThatThrownBy(configuration::validate)
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining(named);
    }
}
