package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.App;
import dev.clowder.launcher.config.ConfigException;
import dev.clowder.launcher.config.LauncherConfig;
import dev.clowder.launcher.config.installed.CatalinaBase;
import dev.clowder.launcher.config.installed.ServerXml.WebappHost;
import dev.clowder.launcher.wire.Message;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/** Makes of each application a directory that all workers share: a .war is expanded once, by the supervisor. */
final class Applications {
    private Applications() {}

    /**
     * Copies what workers shall run.
     *
     * @param apps what was named; nothing if an installed Tomcat has its own
     * @param into directory of this generation
     * @throws ConfigException if it can't be run
     * @throws IOException if the directory can't be written
     */
    static Generation generation(LauncherConfig config, int number, List<App> apps, Path into)
            throws ConfigException, IOException {
        CatalinaBase installed = config.installed();
        if (installed == null) {
            return new Generation(number, apps, expand(apps, into));
        }
        List<WebappHost> hosts =
                installed.reread(config.workerOptions()).serverXml().hosts();
        return new Generation(number, List.of(), List.of(), Webapps.copy(hosts, into));
    }

    /**
     * Expands what has to be expanded.
     *
     * @throws ConfigException if a .war can't be read or names files outside of itself
     * @throws IOException if the directory can't be written
     */
    static List<Message.Mount> expand(List<App> apps, Path into) throws ConfigException, IOException {
        List<Message.Mount> mounts = new ArrayList<>();
        for (App app : apps) {
            Path directory = app.source();
            if (!Files.isDirectory(directory)) {
                String name = app.contextPath().isEmpty()
                        ? "ROOT"
                        : app.contextPath().substring(1).replace('/', '#');
                directory = Files.createDirectories(into).resolve(name);
                Files.createDirectory(directory);
                expand(app.source(), directory);
            }
            mounts.add(new Message.Mount(app.contextPath(), directory.toString()));
        }
        return mounts;
    }

    /**
     * Expands one archive.
     *
     * @throws ConfigException if it can't be read or names files outside of itself
     */
    static void expand(Path war, Path into) throws ConfigException, IOException {
        try (ZipFile zip = new ZipFile(war.toFile())) {
            for (Enumeration<? extends ZipEntry> entries = zip.entries(); entries.hasMoreElements(); ) {
                ZipEntry entry = entries.nextElement();
                Path target = into.resolve(entry.getName()).normalize();
                if (!target.startsWith(into)) {
                    throw new ConfigException(war + ": not a valid .war file (entry " + entry.getName()
                            + " leads out of the application)");
                }
                if (entry.isDirectory()) {
                    Files.createDirectories(target);
                } else {
                    write(zip, entry, target);
                }
            }
        } catch (NoSuchFileException e) {
            throw new ConfigException(war + ": no such file; put it back or deploy another");
        } catch (ZipException | InvalidPathException | FileAlreadyExistsException e) {
            throw new ConfigException(war + ": not a valid .war file (" + e.getMessage() + ")");
        }
    }

    private static void write(ZipFile zip, ZipEntry entry, Path target) throws IOException {
        Files.createDirectories(target.getParent());
        try (InputStream content = zip.getInputStream(entry)) {
            Files.copy(content, target);
        }
        if (entry.getLastModifiedTime() != null) {
            // Last-Modified and ETag of static files are then the same after every start.
            Files.setLastModifiedTime(target, entry.getLastModifiedTime());
        }
    }
}
