package dev.clowder.it;

import dev.clowder.it.app.CounterServlet;
import dev.clowder.it.app.DetailsServlet;
import dev.clowder.it.app.EchoServlet;
import dev.clowder.it.app.EventsServlet;
import dev.clowder.it.app.FloodServlet;
import dev.clowder.it.app.HaltServlet;
import dev.clowder.it.app.HandshakeEndpoint;
import dev.clowder.it.app.HandshakeFilter;
import dev.clowder.it.app.LeakServlet;
import dev.clowder.it.app.OrphanServlet;
import dev.clowder.it.app.RedirectServlet;
import dev.clowder.it.app.StuckServlet;
import dev.clowder.it.app.UploadServlet;
import dev.clowder.it.app.WorkerServlet;
import java.nio.file.Path;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.exporter.ZipExporter;
import org.jboss.shrinkwrap.api.spec.WebArchive;

/** The web applications that the tests deploy. */
final class Apps {
    private Apps() {}

    // Otherwise Tomcat sends relative redirects, which know nothing of scheme and host.
    private static final String CONTEXT_XML = "<Context useRelativeRedirects=\"false\"/>";

    private static final String FORWARDED_JSP =
            "<%@ page session=\"false\" contentType=\"text/plain\" %>${requestScope.forwarded.ips} ${requestScope.forwarded.reason}";

    /** All the servlets of {@link dev.clowder.it.app}, and {@code forwarded.jsp}. */
    static WebArchive probe(String name) {
        return ShrinkWrap.create(WebArchive.class, name)
                .addClasses(
                        DetailsServlet.class,
                        EventsServlet.class,
                        RedirectServlet.class,
                        StuckServlet.class,
                        WorkerServlet.class,
                        UploadServlet.class,
                        FloodServlet.class,
                        HaltServlet.class,
                        OrphanServlet.class,
                        LeakServlet.class)
                .addAsWebResource(new StringAsset(FORWARDED_JSP), "forwarded.jsp")
                .addAsManifestResource(new StringAsset(CONTEXT_XML), "context.xml");
    }

    /** The same, with a WebSocket and an echo: what a proxy can get wrong. */
    static WebArchive behindProxy(String name) {
        return probe(name).addClasses(HandshakeEndpoint.class, HandshakeFilter.class, EchoServlet.class);
    }

    /** Counts in sessions, at {@code /counter}. */
    static WebArchive counter(String name) {
        return ShrinkWrap.create(WebArchive.class, name)
                .addClasses(CounterServlet.class, WorkerServlet.class)
                .addClass("dev.clowder.it.app.CounterServlet$Handle")
                .addClass("dev.clowder.it.app.CounterServlet$Holder");
    }

    /** Writes an archive as a file into a directory. */
    static Path write(WebArchive archive, Path directory) {
        Path file = directory.resolve(archive.getName());
        archive.as(ZipExporter.class).exportTo(file.toFile(), true);
        return file;
    }
}
