package dev.clowder.launcher.worker;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import org.apache.tomcat.util.modeler.ManagedBean;
import org.apache.tomcat.util.modeler.Registry;

/** Run by the build: puts all descriptors of MBeans on the class path into one file. Argument: the file. */
public final class ManagedBeansMain {
    private static final String DESCRIPTORS = "/mbeans-descriptors.xml";

    private ManagedBeansMain() {}

    public static void main(String[] arguments) throws Exception {
        Path file = Path.of(arguments[0]);
        Files.createDirectories(file.getParent());
        Files.write(file, ManagedBeans.write(collect()));
    }

    /** What Tomcat would read, package by package. */
    static List<ManagedBean> collect() throws Exception {
        Collector collector = new Collector();
        String separator = Pattern.quote(File.pathSeparator);
        for (String entry : System.getProperty("java.class.path").split(separator, -1)) {
            if (entry.endsWith(".jar")) {
                collector.read(Path.of(entry));
            }
        }
        return collector.beans;
    }

    private static final class Collector extends Registry {
        private final List<ManagedBean> beans = new ArrayList<>();

        void read(Path jar) throws Exception {
            for (String name : names(jar)) {
                load(
                        "MbeansDescriptorsDigesterSource",
                        URI.create("jar:" + jar.toUri() + "!/" + name).toURL(),
                        null);
            }
        }

        private static List<String> names(Path jar) throws IOException {
            try (JarFile file = new JarFile(jar.toFile())) {
                return file.stream()
                        .map(entry -> entry.getName())
                        .filter(name -> name.endsWith(DESCRIPTORS))
                        .toList();
            }
        }

        @Override
        public void addManagedBean(ManagedBean bean) {
            beans.add(bean);
        }
    }
}
