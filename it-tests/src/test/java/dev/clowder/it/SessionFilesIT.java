package dev.clowder.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.app.CountServlet;
import dev.clowder.it.app.GateListener;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.exporter.ExplodedExporter;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where sessions are written to when workers are replaced and stopped: nowhere, unless the application asks for it. */
@Tag("slow")
class SessionFilesIT {
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final List<String> APPLICATIONS = List.of("shop", "kept", "stored");

    @TempDir
    private Path files;

    @ParameterizedTest
    @CsvSource({
        "own, sticky",
        "own, local",
        "own, replicated",
        "tomcat.10, sticky",
        "tomcat.10, replicated",
        "tomcat.11, local",
        "tomcat.11, replicated"
    })
    @DisplayName(
            "no session is in a file after a reload and a stop, but where <Manager pathname> or a <Store> asks for it")
    void onlyWhereItIsAskedFor(String tomcat, String mode) throws Exception {
        Path gate = files.resolve("gate");
        ClowderProcess.Builder builder = ClowderProcess.builder()
                .root(files)
                .arguments("--sessions", mode, "--oversubscribe", "--boot-timeout", "240s", "--stop-timeout", "120s");
        if (tomcat.equals("own")) {
            applications(files);
            APPLICATIONS.forEach(name -> builder.application("/" + name, files.resolve(name)));
        } else {
            Path home = Path.of(System.getProperty(tomcat));
            builder.catalinaBase(SessionsBaseIT.base(files, home)).arguments("--catalina-home", home.toString());
            applications(files.resolve("base/webapps"));
        }
        try (ClowderProcess cluster = builder.start()) {
            cluster.awaitReady(SOON);
            for (String name : APPLICATIONS) {
                for (int i = 0; i < 6; i++) {
                    new SessionUser(cluster.port()).get("/" + name + "/count");
                }
            }
            CompletableFuture<Launcher.Result> reload = CompletableFuture.supplyAsync(() -> reload(cluster));
            await("a worker that has ended the sessions")
                    .atMost(SOON)
                    .until(() -> Files.exists(files.resolve("gate.in")));
            assertThat(unasked(cluster)).isEmpty();
            Files.createFile(gate);
            Launcher.Result reloaded = reload.get(SOON.toSeconds(), TimeUnit.SECONDS);
            assertThat(reloaded.exitCode()).as(reloaded.errors()).isZero();
            assertThat(unasked(cluster)).isEmpty();

            new SessionUser(cluster.port()).get("/shop/count");
            Files.delete(files.resolve("gate.in"));
            Files.delete(gate);
            cluster.terminate();
            await("the same at the end").atMost(SOON).until(() -> Files.exists(files.resolve("gate.in")));
            assertThat(unasked(cluster)).isEmpty();
            Files.createFile(gate);
            assertThat(cluster.awaitExit(SOON)).isZero();
            assertThat(unasked(cluster)).isEmpty();
            assertThat(files.resolve("kept.ser")).isNotEmptyFile();
            assertThat(files.resolve("store")).isDirectoryContaining("glob:**.session");
        }
    }

    private static Launcher.Result reload(ClowderProcess cluster) {
        try {
            return cluster.command(SOON, "reload");
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private void applications(Path where) throws IOException {
        explode("shop", "<Context/>", where);
        explode("kept", "<Context><Manager pathname='" + files.resolve("kept.ser") + "'/></Context>", where);
        String store =
                "<Store className='org.apache.catalina.session.FileStore' directory='" + files.resolve("store") + "'/>";
        explode(
                "stored",
                "<Context><Manager className='org.apache.catalina.session.PersistentManager'>" + store
                        + "</Manager></Context>",
                where);
        Files.createDirectories(files.resolve("store"));
    }

    private void explode(String name, String context, Path where) throws IOException {
        WebArchive archive = ShrinkWrap.create(WebArchive.class, name)
                .addClass(CountServlet.class)
                .addClass(CountServlet.class.getName() + "$Held")
                .addAsManifestResource(new StringAsset(context), "context.xml");
        if (name.equals("shop")) {
            archive.addClass(GateListener.class)
                    .setWebXML(new StringAsset("<web-app xmlns=\"https://jakarta.ee/xml/ns/jakartaee\" version=\"6.0\">"
                            + "<context-param><param-name>gate</param-name><param-value>" + files.resolve("gate")
                            + "</param-value></context-param></web-app>"));
        }
        archive.as(ExplodedExporter.class)
                .exportExploded(Files.createDirectories(where).toFile());
    }

    /** The files of sessions below everything that the cluster writes to, but those that are asked for. */
    private Set<Path> unasked(ClowderProcess cluster) throws IOException {
        Set<Path> found = new TreeSet<>();
        for (Path root : List.of(files, cluster.runDir())) {
            if (Files.exists(root)) {
                found.addAll(sessionFiles(root));
            }
        }
        found.remove(files.resolve("kept.ser"));
        found.removeIf(file -> file.startsWith(files.resolve("store")));
        return found;
    }

    /** Others may remove what is being looked at. */
    private static Set<Path> sessionFiles(Path root) throws IOException {
        Set<Path> found = new TreeSet<>();
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                String name = file.getFileName().toString();
                if (name.endsWith(".ser") || name.endsWith(".session")) {
                    found.add(file);
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, IOException e) {
                return FileVisitResult.CONTINUE;
            }
        });
        return found;
    }
}
