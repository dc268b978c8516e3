package dev.clowder.launcher.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collections;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ApplicationParentLoaderTest {
    private final ClassLoader loader = new ApplicationParentLoader(getClass().getClassLoader());

    @ParameterizedTest
    @ValueSource(
            strings = {
                "jakarta.servlet.Servlet",
                "jakarta.annotation.PostConstruct",
                "jakarta.el.ExpressionFactory",
                "jakarta.websocket.Session",
                "org.apache.catalina.Context",
                "org.apache.tomcat.util.http.Parameters",
                "dev.clowder.valve.ProxyProtocol",
                "java.sql.Driver"
            })
    void whatATomcatOffersIsVisible(String name) throws Exception {
        assertThat(loader.loadClass(name)).isSameAs(Class.forName(name));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "io.netty.channel.Channel",
                "picocli.CommandLine",
                "com.fasterxml.jackson.databind.ObjectMapper",
                "org.eclipse.jdt.internal.compiler.Compiler",
                "dev.clowder.launcher.Main",
                "dev.clowder.launcher.worker.WorkerMain"
            })
    void whatTheLauncherUsesIsNot(String name) throws Exception {
        assertThat(Class.forName(name)).isNotNull();
        assertThatThrownBy(() -> loader.loadClass(name)).isInstanceOf(ClassNotFoundException.class);
        assertThat(loader.getResource(name.replace('.', '/') + ".class")).isNull();
        assertThat(Collections.list(loader.getResources(name.replace('.', '/') + ".class")))
                .isEmpty();
    }

    @Test
    void servicesOfTheContainerAreVisibleAndOthersAreNot() throws Exception {
        assertThat(loader.getResources("META-INF/services/jakarta.servlet.ServletContainerInitializer")
                        .hasMoreElements())
                .isTrue();
        String own = "META-INF/services/com.fasterxml.jackson.core.JsonFactory";
        assertThat(getClass().getClassLoader().getResource(own)).isNotNull();
        assertThat(loader.getResource(own)).isNull();
    }
}
