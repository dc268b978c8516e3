package dev.clowder.launcher.worker.boot;

import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.catalina.startup.CatalinaProperties;
import org.apache.catalina.startup.ClassLoaderFactory;
import org.apache.catalina.startup.ClassLoaderFactory.Repository;
import org.apache.catalina.startup.ClassLoaderFactory.RepositoryType;

/**
 * The main class of a worker that runs an installed Tomcat: makes Tomcat's class loaders as {@code catalina.properties}
 * wants them ({@code org.apache.catalina.startup.Bootstrap} does it, but keeps them to itself), and the launcher's
 * classes beside them, where applications can't see them.
 */
public final class Boot {
    private static final Pattern ENTRY = Pattern.compile("\"([^\"]*)\"|([^,\\s][^,]*)");
    private static final Pattern PROPERTY = Pattern.compile("\\$\\{([^}]*)\\}");

    private Boot() {}

    /** Arguments: the launcher's class path, the main class in it, and that one's arguments. */
    public static void main(String[] arguments) throws Exception {
        ClassLoader common = loader("common", ClassLoader.getSystemClassLoader());
        ClassLoader server = loader("server", common);
        ClassLoader shared = loader("shared", common);
        WorkerLoader worker = new WorkerLoader(urls(arguments[0]), server);
        // What applications will have as their parent is known by this to whoever starts Tomcat.
        Thread.currentThread().setContextClassLoader(shared);
        try {
            worker.loadClass(arguments[1]).getMethod("main", String[].class).invoke(null, (Object)
                    Arrays.copyOfRange(arguments, 2, arguments.length));
        } catch (InvocationTargetException e) {
            throw e.getCause() instanceof Exception cause ? cause : e;
        }
    }

    private static ClassLoader loader(String name, ClassLoader parent) throws Exception {
        String value = CatalinaProperties.getProperty(name + ".loader");
        if (value == null || value.isBlank()) {
            return parent;
        }
        List<Repository> repositories = new ArrayList<>();
        for (Matcher entry = ENTRY.matcher(replaced(value)); entry.find(); ) {
            repositories.add(repository((entry.group(1) == null ? entry.group(2) : entry.group(1)).strip()));
        }
        return ClassLoaderFactory.createClassLoader(repositories, parent);
    }

    private static Repository repository(String location) {
        if (location.endsWith("*.jar")) {
            return new Repository(location.substring(0, location.length() - "*.jar".length()), RepositoryType.GLOB);
        }
        if (location.matches("[a-z]{2,}:.*")) {
            return new Repository(location, RepositoryType.URL);
        }
        return new Repository(location, location.endsWith(".jar") ? RepositoryType.JAR : RepositoryType.DIR);
    }

    private static String replaced(String value) {
        return PROPERTY.matcher(value)
                .replaceAll(name -> Matcher.quoteReplacement(System.getProperty(name.group(1), name.group())));
    }

    private static URL[] urls(String classPath) throws MalformedURLException {
        List<URL> urls = new ArrayList<>();
        for (String entry : classPath.split(Pattern.quote(File.pathSeparator), -1)) {
            URI uri = new File(entry).toURI();
            urls.add(uri.toURL());
        }
        return urls.toArray(URL[]::new);
    }
}
