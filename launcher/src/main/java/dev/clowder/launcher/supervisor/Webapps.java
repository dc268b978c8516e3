package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.installed.ServerXml.WebappHost;
import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/** The {@code appBase} directories of an installed Tomcat: copied for workers, and watched for changes. */
final class Webapps {
    private static final String WAR = ".war";

    private Webapps() {}

    /**
     * Makes for each host a directory that workers use instead of its {@code appBase}: each .war expanded, each directory
     * linked.
     *
     * @throws ConfigException if a .war can't be read
     * @throws IOException if the directory can't be written
     */
    static List<Message.Site> copy(List<WebappHost> hosts, Path into) throws ConfigException, IOException {
        List<Message.Site> sites = new ArrayList<>();
        for (WebappHost host : hosts) {
            Path site = Files.createDirectories(into.resolve("host-" + (sites.size() + 1)));
            for (Path entry : entries(host.appBase())) {
                String name = entry.getFileName().toString();
                if (isWar(entry)) {
                    Path expanded =
                            Files.createDirectory(site.resolve(name.substring(0, name.length() - WAR.length())));
                    Applications.expand(entry, expanded);
                } else if (Files.isDirectory(entry) && !isExpansion(entry)) {
                    Files.createSymbolicLink(site.resolve(name), entry);
                }
            }
            sites.add(new Message.Site(host.engine(), host.name(), site.toString()));
        }
        return sites;
    }

    /** Text that is equal as long as nothing was added, removed or replaced in the directories and descriptors. */
    static String fingerprint(List<WebappHost> hosts) {
        Set<String> all = new TreeSet<>();
        for (WebappHost host : hosts) {
            addAll(host.appBase(), all);
            addAll(host.descriptors(), all);
        }
        return String.join("\n", all);
    }

    private static void addAll(Path directory, Set<String> all) {
        try {
            for (Path entry : entries(directory)) {
                if (!Files.isDirectory(entry)) {
                    all.add(stamp(entry));
                } else if (!isExpansion(entry)) {
                    // What Tomcat itself watches in a directory.
                    all.add(entry + " " + stamp(entry.resolve("WEB-INF/web.xml"))
                            + stamp(entry.resolve("META-INF/context.xml")));
                }
            }
        } catch (IOException e) {
            all.add(directory + " unreadable");
        }
    }

    private static String stamp(Path file) {
        try {
            return file + " " + Files.size(file) + " "
                    + Files.getLastModifiedTime(file).toMillis();
        } catch (IOException e) {
            return "";
        }
    }

    /** Sorted; none if there is no such directory. */
    private static List<Path> entries(Path directory) throws IOException {
        List<Path> entries = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory)) {
            stream.forEach(entries::add);
        } catch (NoSuchFileException | NotDirectoryException e) {
            return List.of();
        }
        entries.sort(null);
        return entries;
    }

    private static boolean isWar(Path entry) {
        return entry.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(WAR) && Files.isRegularFile(entry);
    }

    /** Whether this directory is what a Tomcat made of the .war beside it. */
    private static boolean isExpansion(Path directory) {
        return Files.isRegularFile(directory.resolveSibling(directory.getFileName() + WAR), LinkOption.NOFOLLOW_LINKS);
    }
}
