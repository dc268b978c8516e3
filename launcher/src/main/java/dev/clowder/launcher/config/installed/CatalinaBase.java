package dev.clowder.launcher.config.installed;

import dev.clowder.launcher.config.ConfigException;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/**
 * An installed Tomcat: what {@code catalina.sh} would run with the same {@code CATALINA_BASE} and {@code CATALINA_HOME}.
 * Nothing in it is ever changed. Immutable; a changed file needs a new one.
 *
 * @param base the {@code CATALINA_BASE}: {@code conf}, {@code webapps}; absolute
 * @param home the {@code CATALINA_HOME}: {@code bin}, {@code lib}; absolute, often the same
 * @param version as Tomcat says it, {@code 10.1.59.0}
 * @param startUp what {@code bin/setenv.sh} and the environment decide
 * @param serverXml what {@code conf/server.xml} asks the supervisor for
 */
public record CatalinaBase(Path base, Path home, String version, StartUp startUp, ServerXml serverXml) {
    private static final String OPTION = "--catalina-base ";
    private static final String CATALINA_JAR = "lib/catalina.jar";
    private static final String SERVER_INFO = "org/apache/catalina/util/ServerInfo.properties";
    private static final Pattern VERSION = Pattern.compile("(\\d+)\\.(\\d+)\\.(\\d+).*");
    /** The first that lets a connector bring its own endpoint. */
    private static final int OLDEST_OF_10_1 = 6;

    private static final Pattern DEFINITION = Pattern.compile("-D([^=]+)=?(.*)");

    /**
     * Reads what is installed.
     *
     * @param base as named by the operator
     * @param home as named by the operator; null if it is in {@code base} too
     * @param workerOptions more flags of the workers; their properties win in {@code server.xml}
     * @throws ConfigException if there is no Tomcat that can run, one line with the reason
     */
    public static CatalinaBase open(Path base, @Nullable Path home, List<String> workerOptions) throws ConfigException {
        Path root = base.toAbsolutePath().normalize();
        if (!Files.isDirectory(root)) {
            throw new ConfigException(OPTION + base + ": no such directory");
        }
        if (!Files.isReadable(root.resolve("conf/server.xml"))) {
            throw new ConfigException(OPTION + base + ": holds no conf/server.xml that can be read");
        }
        Path tomcat = home == null ? root : home.toAbsolutePath().normalize();
        if (!Files.isReadable(tomcat.resolve(CATALINA_JAR))) {
            throw new ConfigException(
                    home == null
                            ? OPTION + base + ": holds no " + CATALINA_JAR
                                    + "; name the installation by --catalina-home"
                            : "--catalina-home " + home + ": holds no " + CATALINA_JAR);
        }
        String version = version(tomcat);
        StartUp startUp = StartUp.of(root, tomcat);
        List<String> options = new ArrayList<>(startUp.options());
        options.addAll(workerOptions);
        try {
            Map<String, String> properties = properties(root, tomcat, options);
            ServerXml xml = ServerXml.read(root, name -> properties.getOrDefault(name, System.getProperty(name)));
            refuseOtherValve(root, tomcat);
            return new CatalinaBase(root, tomcat, version, startUp, xml);
        } catch (ServerXml.BrokenException e) {
            throw new ConfigException(String.valueOf(e.getMessage()));
        }
    }

    /** What {@code catalina.sh} puts on the class path, in its order. */
    public List<Path> classPath() {
        Path juli = base.resolve("bin/tomcat-juli.jar");
        List<Path> path = new ArrayList<>(startUp.classPath());
        path.add(home.resolve("bin/bootstrap.jar"));
        path.add(Files.isReadable(juli) ? juli : home.resolve("bin/tomcat-juli.jar"));
        return path;
    }

    /**
     * What workers do otherwise than this Tomcat on its own, a line each for people.
     *
     * @param workerOptions as in {@link #open}
     */
    public List<String> changes(List<String> workerOptions) {
        List<String> changes = new ArrayList<>(serverXml.changes());
        List<String> options = new ArrayList<>(startUp.options());
        options.addAll(workerOptions);
        changes.addAll(WorkerOptions.changes(options));
        for (ServerXml.WebappHost host : serverXml.hosts()) {
            changes.add(host.appBase() + " is watched here, not by workers: what changes is deployed to all of them");
        }
        return changes;
    }

    /**
     * Reads it again.
     *
     * @param workerOptions as in {@link #open}
     * @throws ConfigException if it can't run any more, or needs other ports, which are bound once for all
     */
    public CatalinaBase reread(List<String> workerOptions) throws ConfigException {
        CatalinaBase now = open(base, home, workerOptions);
        if (!now.serverXml.ports().equals(serverXml.ports())) {
            throw new ConfigException(base.resolve("conf/server.xml")
                    + ": the ports of its connectors have changed; stop the cluster and run it again");
        }
        return now;
    }

    private static String version(Path home) throws ConfigException {
        String number = "";
        try (ZipFile jar = new ZipFile(home.resolve(CATALINA_JAR).toFile())) {
            ZipEntry info = jar.getEntry(SERVER_INFO);
            if (info != null) {
                Properties properties = new Properties();
                try (InputStream in = jar.getInputStream(info)) {
                    properties.load(in);
                }
                number = properties.getProperty("server.number", "");
            }
        } catch (IOException e) {
            throw new ConfigException(home.resolve(CATALINA_JAR) + ": can't be read (" + e.getMessage() + ")");
        }
        Matcher parts = VERSION.matcher(number);
        boolean known = parts.matches()
                && (parts.group(1).equals("11")
                        || (parts.group(1).equals("10")
                                && parts.group(2).equals("1")
                                && Integer.parseInt(parts.group(3)) >= OLDEST_OF_10_1));
        if (!known) {
            throw new ConfigException(home + ": Tomcat " + (number.isEmpty() ? "of unknown version" : number)
                    + " can't be run, use 10.1." + OLDEST_OF_10_1 + " or newer, or 11.0");
        }
        return number;
    }

    /** The worker uses the valve that is installed, and was made together with one version of it. */
    private static void refuseOtherValve(Path base, Path home) throws ConfigException {
        String own = CatalinaBase.class.getPackage().getImplementationVersion();
        for (Path directory : new LinkedHashSet<>(List.of(base.resolve("lib"), home.resolve("lib")))) {
            try (DirectoryStream<Path> jars = Files.newDirectoryStream(directory, "clowder-valve*.jar")) {
                for (Path jar : jars) {
                    String version = implementationVersion(jar);
                    if (own != null && !own.equals(version)) {
                        throw new ConfigException(jar + ": version " + version + ", but this launcher is " + own
                                + "; put the same version there");
                    }
                }
            } catch (NotDirectoryException | NoSuchFileException e) {
                // A base need not have one.
            } catch (IOException | DirectoryIteratorException e) {
                throw new ConfigException(directory + ": can't be read (" + e.getMessage() + ")");
            }
        }
    }

    private static @Nullable String implementationVersion(Path jar) throws IOException {
        try (JarFile file = new JarFile(jar.toFile())) {
            Manifest manifest = file.getManifest();
            return manifest == null ? null : manifest.getMainAttributes().getValue("Implementation-Version");
        }
    }

    /** What {@code ${...}} can mean in server.xml, besides the properties of every JVM. */
    private static Map<String, String> properties(Path base, Path home, List<String> options) throws ConfigException {
        Map<String, String> all = new HashMap<>();
        Path file = base.resolve("conf/catalina.properties");
        if (Files.exists(file)) {
            Properties properties = new Properties();
            try (Reader reader = Files.newBufferedReader(file)) {
                properties.load(reader);
            } catch (IOException | IllegalArgumentException e) {
                throw new ConfigException(file + ": can't be read (" + e.getMessage() + ")");
            }
            properties.stringPropertyNames().forEach(name -> all.put(name, properties.getProperty(name)));
        }
        for (String option : options) {
            Matcher definition = DEFINITION.matcher(option);
            if (definition.matches()) {
                all.put(definition.group(1), definition.group(2));
            }
        }
        all.put("catalina.base", base.toString());
        all.put("catalina.home", home.toString());
        return all;
    }
}
