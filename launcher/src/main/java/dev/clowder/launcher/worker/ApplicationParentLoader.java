package dev.clowder.launcher.worker;

import java.io.IOException;
import java.net.URL;
import java.util.Collections;
import java.util.Enumeration;
import org.jspecify.annotations.Nullable;

/**
 * What web applications see of this process: the Java platform, Jakarta's interfaces, Tomcat, and the valve's public
 * classes. The libraries that the launcher itself uses stay out of sight, so that an application's own copy of any of
 * them is the only one there.
 */
final class ApplicationParentLoader extends ClassLoader {
    private static final String[] VISIBLE = {
        "jakarta.",
        "org.apache.catalina.",
        "org.apache.coyote.",
        "org.apache.el.",
        "org.apache.jasper.",
        "org.apache.juli.",
        "org.apache.naming.",
        "org.apache.tomcat.",
        "dev.clowder.valve."
    };
    private static final String SERVICES = "META-INF/services/";

    static {
        registerAsParallelCapable();
    }

    private final ClassLoader all;

    ApplicationParentLoader(ClassLoader all) {
        super("clowder", ClassLoader.getPlatformClassLoader());
        this.all = all;
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        if (!visible(name)) {
            throw new ClassNotFoundException(name);
        }
        return all.loadClass(name);
    }

    @Override
    protected @Nullable URL findResource(String name) {
        return visible(resourceOwner(name)) ? all.getResource(name) : null;
    }

    @Override
    protected Enumeration<URL> findResources(String name) throws IOException {
        return visible(resourceOwner(name)) ? all.getResources(name) : Collections.emptyEnumeration();
    }

    /** A service file belongs to whoever declared the service. */
    private static String resourceOwner(String name) {
        String owner = name.startsWith(SERVICES) ? name.substring(SERVICES.length()) : name;
        return owner.replace('/', '.');
    }

    private static boolean visible(String name) {
        for (String prefix : VISIBLE) {
            if (name.startsWith(prefix)) {
                return true;
            }
        }
        return false;
    }
}
