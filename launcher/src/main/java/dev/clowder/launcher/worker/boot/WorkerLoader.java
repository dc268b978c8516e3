package dev.clowder.launcher.worker.boot;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Enumeration;
import org.jspecify.annotations.Nullable;

/**
 * The launcher's classes and libraries, beside an installed Tomcat: Tomcat's and Jakarta's classes come from there only,
 * although the launcher's jar has its own; everything else comes from the launcher first. The valve is taken from
 * {@code lib/} if it is there, so that {@code server.xml}, applications and the worker mean the same classes.
 */
final class WorkerLoader extends URLClassLoader {
    private static final String[] OF_TOMCAT = {
        "jakarta.",
        "org.apache.catalina.",
        "org.apache.coyote.",
        "org.apache.el.",
        "org.apache.jasper.",
        "org.apache.juli.",
        "org.apache.naming.",
        "org.apache.tomcat."
    };
    private static final String VALVE = "dev.clowder.valve.";

    static {
        registerAsParallelCapable();
    }

    private final boolean valveInstalled;

    WorkerLoader(URL[] launcher, ClassLoader tomcat) {
        super("clowder", launcher, tomcat);
        valveInstalled = tomcat.getResource(file(VALVE + "ForwardedValve")) != null;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (isTomcats(name)) {
            return getParent().loadClass(name);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            // Neither the platform's classes nor those of this package are looked for: the parent has them.
            if (loaded == null && findResource(file(name)) != null && !name.startsWith(packageName())) {
                loaded = findClass(name);
            }
            return loaded == null ? getParent().loadClass(name) : loaded;
        }
    }

    @Override
    public @Nullable URL getResource(String name) {
        URL own = isTomcats(name.replace('/', '.')) ? null : findResource(name);
        return own == null ? getParent().getResource(name) : own;
    }

    @Override
    public Enumeration<URL> getResources(String name) throws IOException {
        // The launcher's jar has service files of its own Tomcat, which the installed one has too.
        Enumeration<URL> own = findResources(name);
        return own.hasMoreElements() ? own : getParent().getResources(name);
    }

    private boolean isTomcats(String name) {
        for (String prefix : OF_TOMCAT) {
            if (name.startsWith(prefix)) {
                return true;
            }
        }
        return valveInstalled && name.startsWith(VALVE);
    }

    private static String packageName() {
        return WorkerLoader.class.getPackageName() + ".";
    }

    private static String file(String className) {
        return className.replace('.', '/') + ".class";
    }
}
