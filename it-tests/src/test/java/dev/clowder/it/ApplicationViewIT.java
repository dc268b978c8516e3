package dev.clowder.it;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.File;
import java.net.URISyntaxException;
import java.util.Collections;
import java.util.List;
import org.jboss.arquillian.container.test.api.Deployment;
import org.jboss.arquillian.junit5.container.annotation.ArquillianTest;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** What an application sees of the worker it runs in. All of it runs inside the container. */
@ArquillianTest
class ApplicationViewIT {
    private static final List<String> HIDDEN_CLASSES = List.of(
            "io.netty.channel.Channel",
            "io.netty.channel.epoll.Epoll",
            "io.netty.util.internal.PlatformDependent",
            "picocli.CommandLine",
            "com.fasterxml.jackson.core.JsonFactory",
            "com.fasterxml.jackson.databind.ObjectMapper",
            "redis.clients.jedis.Jedis",
            "org.apache.commons.pool2.ObjectPool",
            "com.zaxxer.hikari.HikariDataSource",
            "org.postgresql.Driver",
            "org.slf4j.Logger");
    private static final List<String> HIDDEN_RESOURCES = List.of(
            "META-INF/io.netty.versions.properties",
            "META-INF/native/libnetty_transport_native_epoll_x86_64.so",
            "META-INF/services/com.fasterxml.jackson.core.JsonFactory",
            "META-INF/services/com.fasterxml.jackson.core.ObjectCodec",
            "META-INF/services/java.sql.Driver",
            "META-INF/services/org.slf4j.spi.SLF4JServiceProvider");

    @Deployment
    static WebArchive application() throws URISyntaxException {
        File annotations = new File(JsonProperty.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        return ShrinkWrap.create(WebArchive.class, "ROOT.war").addAsLibrary(annotations);
    }

    private static List<ClassLoader> loaders() {
        return List.of(
                ApplicationViewIT.class.getClassLoader(), Thread.currentThread().getContextClassLoader());
    }

    @Test
    @DisplayName("third-party classes of the launcher cannot be loaded, by no class loader that an application has")
    void thirdPartyClassesAreNotVisible() {
        assertAll(HIDDEN_CLASSES.stream()
                .flatMap(name -> loaders().stream()
                        .map(loader -> () -> assertThrows(
                                ClassNotFoundException.class,
                                () -> Class.forName(name, false, loader),
                                () -> name + " through " + loader))));
    }

    @Test
    @DisplayName(
            "third-party files of the launcher cannot be found either: no class file, no service, no native library")
    void thirdPartyFilesAreNotVisible() {
        assertAll(HIDDEN_CLASSES.stream()
                .map(name -> name.replace('.', '/') + ".class")
                .flatMap(file -> loaders().stream().map(loader -> () -> assertHidden(file, loader))));
        assertAll(HIDDEN_RESOURCES.stream()
                .flatMap(file -> loaders().stream().map(loader -> () -> assertHidden(file, loader))));
    }

    private static void assertHidden(String file, ClassLoader loader) throws Exception {
        assertNull(loader.getResource(file), () -> file + " through " + loader);
        assertEquals(List.of(), Collections.list(loader.getResources(file)), () -> file + " through " + loader);
        assertNull(loader.getResourceAsStream(file), () -> file + " through " + loader);
    }

    @Test
    @DisplayName("Tomcat's, Jakarta's and the valve's classes are there")
    void tomcatAndTheValveAreVisible() {
        assertAll(List.of(
                        "jakarta.servlet.Servlet",
                        "jakarta.websocket.Session",
                        "jakarta.el.ELContext",
                        "jakarta.servlet.jsp.JspContext",
                        "org.apache.catalina.Lifecycle",
                        "dev.clowder.valve.Forwarded")
                .stream()
                .map(name -> () -> assertNotNull(
                        Class.forName(name, false, Thread.currentThread().getContextClassLoader()))));
    }

    @Test
    @DisplayName("an application that brings a library of the same name uses its own")
    void theApplicationsOwnLibraryIsUsed() throws ClassNotFoundException {
        ClassLoader own = ApplicationViewIT.class.getClassLoader();
        Class<?> annotation = Class.forName("com.fasterxml.jackson.annotation.JsonProperty", false, own);
        assertSame(own, annotation.getClassLoader());
        assertNotNull(own.getResource("com/fasterxml/jackson/annotation/JsonProperty.class"));
    }

    @Test
    @DisplayName(
            "the worker's slot, id and the number of workers are system properties, not in the environment (behaviour 5)")
    void theWorkerTellsWhoItIs() {
        int slot = Integer.parseInt(System.getProperty("clowder.worker.slot"));
        assertTrue(slot == 1 || slot == 2, () -> "slot " + slot);
        assertTrue(Integer.parseInt(System.getProperty("clowder.worker.id")) >= slot);
        assertEquals("2", System.getProperty("clowder.workers"));
        assertEquals(
                List.of(),
                System.getenv().keySet().stream()
                        .filter(name -> name.startsWith("CLOWDER_"))
                        .toList());
    }
}
