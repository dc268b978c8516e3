package dev.clowder.launcher.worker;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;
import org.apache.catalina.Context;
import org.apache.catalina.Lifecycle;
import org.apache.catalina.LifecycleEvent;
import org.apache.catalina.LifecycleListener;
import org.apache.catalina.Wrapper;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.scan.StandardJarScanner;

/**
 * Leaves out what Tomcat does at the start of every application and this one can't need. An application that decides
 * about it itself, by a {@code JarScanner} in its {@code context.xml} or its own {@code jsp} servlet, gets what it says.
 */
final class ApplicationStart implements LifecycleListener {
    private static final String JSP_SERVLET = "jsp";

    private ApplicationStart() {}

    /** Called before the context is started, behind {@code Tomcat.addWebapp}. */
    static void lighten(Context context) {
        // The class path has the launcher's jar only. Tomcat would parse its ten thousand classes for annotations, and
        // look for tag libraries in it; an installed Tomcat skips its own jars by name (jarsToSkip in
        // catalina.properties).
        StandardJarScanner scanner = new StandardJarScanner();
        scanner.setScanClassPath(false);
        context.setJarScanner(scanner);
        context.addLifecycleListener(new ApplicationStart());
    }

    /** Behind Tomcat's own listener, which adds the default servlets at this moment. */
    @Override
    public void lifecycleEvent(LifecycleEvent event) {
        if (event.getType().equals(Lifecycle.BEFORE_START_EVENT)
                && event.getLifecycle() instanceof Context context
                && context.findChild(JSP_SERVLET) instanceof Wrapper jsp
                && !hasPages(Path.of(context.getDocBase()))) {
            context.addChild(whenAsked(jsp));
        }
    }

    /**
     * Pages in a library of WEB-INF/lib still work: the servlet is started by its first request. A wrapper that knows the
     * class of this servlet starts it with the application, whatever it is told; so it gets one that knows the object. In
     * the context it takes the place of the other, with its mappings.
     */
    private static Wrapper whenAsked(Wrapper jsp) {
        Wrapper later = new Tomcat.ExistingStandardWrapper(new IdleJspServlet());
        later.setName(JSP_SERVLET);
        for (String name : jsp.findInitParameters()) {
            later.addInitParameter(name, jsp.findInitParameter(name));
        }
        later.setOverridable(jsp.isOverridable());
        return later;
    }

    private static boolean hasPages(Path application) {
        try (Stream<Path> files = Files.walk(application)) {
            return files.map(file -> file.toString().toLowerCase(Locale.ROOT))
                    .anyMatch(name -> name.endsWith(".jsp") || name.endsWith(".jspx"));
        } catch (IOException | java.io.UncheckedIOException e) {
            return true;
        }
    }
}
