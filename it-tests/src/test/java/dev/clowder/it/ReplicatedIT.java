package dev.clowder.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.clowder.arquillian.ClowderProcess;
import dev.clowder.arquillian.ClusterStatus;
import dev.clowder.arquillian.Launcher;
import dev.clowder.it.app.CounterServlet;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.jboss.shrinkwrap.api.ShrinkWrap;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.jboss.shrinkwrap.api.spec.WebArchive;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every worker knows every session, of an application that says it is distributable. */
@Tag("once")
class ReplicatedIT {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final Duration LONG = Duration.ofMinutes(4);
    private static final String COUNTER = "/shop/counter";

    @TempDir
    static Path directory;

    private static ClowderProcess cluster;

    @BeforeAll
    static void start() throws IOException {
        WebArchive shop = ShrinkWrap.create(WebArchive.class, "shop.war")
                .addClasses(CounterServlet.class)
                .addClass("dev.clowder.it.app.CounterServlet$Handle")
                .addClass("dev.clowder.it.app.CounterServlet$Holder")
                .setWebXML(new StringAsset("<web-app xmlns=\"https://jakarta.ee/xml/ns/jakartaee\" version=\"6.1\">"
                        + "<distributable/></web-app>"));
        cluster = ClowderProcess.builder()
                .application("/shop", Apps.write(shop, directory))
                .arguments("--oversubscribe")
                .start();
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    @BeforeEach
    void whole() throws IOException, InterruptedException {
        cluster.awaitReady(SOON);
    }

    @Test
    @DisplayName(
            "requests of a session that reach any worker, two at a time, count exactly; kill -9 of a worker loses none")
    void killedWorkerLosesNoSession() throws Exception {
        try (CountingUsers load = CountingUsers.start(List.of(cluster.port()), COUNTER, 8, 10, 4, 1500)) {
            await("users count").atMost(SOON).until(() -> load.answers() > 300);
            kill(1);
            load.await();
            assertExact(load);
        }
    }

    @Tag("slow")
    @Test
    @DisplayName("an attribute that other workers can't have is refused with its name and its class")
    void unserialisableAttributeIsNamed() throws Exception {
        HttpConnection.Response refused = HttpConnection.fresh(cluster.port(), COUNTER + "?attribute=refused");
        assertThat(refused.status()).isEqualTo(500);
        assertThat(refused.body())
                .contains("session attribute basket: dev.clowder.it.app.CounterServlet$Handle is not Serializable");

        assertThat(HttpConnection.fresh(cluster.port(), COUNTER + "?attribute=hidden")
                        .status())
                .isEqualTo(500);
        await("the worker's log names what the session can't be written for")
                .atMost(SOON)
                .until(() -> cluster.output()
                        .contains("session attribute basket: dev.clowder.it.app.CounterServlet$Handle"
                                + " is not Serializable"));
    }

    @Test
    @DisplayName(
            "an answer that is on its way when its session can't be stored breaks off, over HTTP/2 its stream only")
    void anAnswerWithoutItsSessionBreaksOff() throws Exception {
        String spoiled = COUNTER + "?attribute=hidden&more=20000";
        assertThatThrownBy(() -> HttpConnection.fresh(cluster.port(), spoiled)).isInstanceOf(EOFException.class);
        try (Http2Connection connection = Http2Connection.open(cluster.port(), null)) {
            assertThatThrownBy(() -> connection.get(spoiled)).hasMessage("stream 1 was reset");
            assertThat(connection.get(COUNTER + "?add=3")).isEqualTo("3");
        }
    }

    @Test
    @DisplayName("a session that was ended is gone in every worker")
    void endedSessionIsGoneEverywhere() throws Exception {
        HttpConnection.Response begun = HttpConnection.fresh(cluster.port(), COUNTER + "?add=7");
        String cookie = "Cookie: " + String.valueOf(begun.header("Set-Cookie")).split(";", 2)[0];
        List<String> numbers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            numbers.add(HttpConnection.fresh(cluster.port(), COUNTER + "?add=0", cookie)
                    .body());
        }
        assertThat(numbers).containsOnly("7");
        HttpConnection.fresh(cluster.port(), COUNTER + "?add=0&end=1", cookie);
        for (int i = 0; i < 8; i++) {
            assertThat(HttpConnection.fresh(cluster.port(), COUNTER + "?add=0", cookie)
                            .body())
                    .isEqualTo("0");
        }
    }

    @Test
    @DisplayName("who does not know this start's key can say what he likes to a worker's socket: sessions stay exact")
    void strangersChangeNothing() throws Exception {
        ClusterStatus before = cluster.status();
        List<SocketChannel> silent = new ArrayList<>();
        List<SocketChannel> loud = new ArrayList<>();
        byte[] noise = new byte[200_000];
        new Random(8).nextBytes(noise);
        byte[] wrongAndHuge = noise.clone();
        // Behind the proof: the length of a frame.
        ByteBuffer.wrap(wrongAndHuge).putInt(64, Integer.MAX_VALUE);
        try (CountingUsers load = CountingUsers.start(List.of(cluster.port()), COUNTER, 9, 10, 4, 400)) {
            for (ClusterStatus.Worker worker : before.workers()) {
                for (int i = 0; i < 10; i++) {
                    silent.add(stranger(worker.id(), new byte[0]));
                    silent.add(stranger(worker.id(), Arrays.copyOf(noise, 63)));
                    loud.add(stranger(worker.id(), wrongAndHuge));
                    loud.add(stranger(worker.id(), noise));
                }
            }
            load.await();
            assertExact(load);
        }
        await("the end of those who can't prove anything")
                .atMost(SOON)
                .until(() -> loud.stream().allMatch(ReplicatedIT::isCutOff));
        for (SocketChannel stranger : silent) {
            stranger.close();
        }
        for (SocketChannel stranger : loud) {
            stranger.close();
        }
        assertThat(cluster.status().workers().stream().map(ClusterStatus.Worker::id))
                .isEqualTo(
                        before.workers().stream().map(ClusterStatus.Worker::id).toList());
    }

    private static SocketChannel stranger(int worker, byte[] says) throws IOException {
        SocketChannel stranger = SocketChannel.open(StandardProtocolFamily.UNIX);
        stranger.connect(UnixDomainSocketAddress.of(socket(worker)));
        try {
            ByteBuffer all = ByteBuffer.wrap(says);
            while (all.hasRemaining()) {
                stranger.write(all);
            }
        } catch (IOException e) {
            // Cut off before he had said everything.
        }
        stranger.configureBlocking(false);
        return stranger;
    }

    private static Path socket(int worker) {
        return cluster.runDir().resolve("worker-" + worker + "-r.sock");
    }

    /** Perhaps behind the challenge. */
    private static boolean isCutOff(SocketChannel stranger) {
        try {
            return stranger.read(ByteBuffer.allocate(1000)) < 0;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    @DisplayName("workers listen at no port but the cluster's")
    void workersHaveNoPortOfTheirOwn() throws Exception {
        for (ClusterStatus.Worker worker : cluster.status().workers()) {
            assertThat(ports(worker.pid())).containsOnly(cluster.port());
        }
    }

    /** Those at which a process listens. */
    private static Set<Integer> ports(long pid) throws IOException {
        Path process = Path.of("/proc", String.valueOf(pid));
        Set<String> sockets = new HashSet<>();
        try (Stream<Path> descriptors = Files.list(process.resolve("fd"))) {
            for (Path descriptor : descriptors.toList()) {
                try {
                    sockets.add(Files.readSymbolicLink(descriptor).toString());
                } catch (NoSuchFileException e) {
                    // Closed a moment ago.
                }
            }
        }
        Set<Integer> ports = new HashSet<>();
        for (String table : List.of("net/tcp", "net/tcp6")) {
            for (String line : Files.readAllLines(process.resolve(table))) {
                String[] fields = line.strip().split(" +", 11);
                if (fields[3].equals("0A") && sockets.contains("socket:[" + fields[9] + "]")) {
                    ports.add(Integer.parseInt(fields[1].substring(fields[1].indexOf(':') + 1), 16));
                }
            }
        }
        return ports;
    }

    @Test
    @DisplayName("another user of the machine can't even connect")
    void anotherUserCanNotConnect() throws Exception {
        assumeTrue(
                "root".equals(System.getProperty("user.name")) && Files.isExecutable(Path.of("/usr/bin/setpriv")),
                "only root can become somebody else, with setpriv");
        Path parent = cluster.runDir().getParent();
        for (Path above = parent; above != null; above = above.getParent()) {
            // What protects it is to be the run directory alone.
            Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(above);
            if (permissions.add(PosixFilePermission.OTHERS_EXECUTE)) {
                Files.setPosixFilePermissions(above, permissions);
            }
        }
        Path program = parent.resolve("Stranger.java");
        Path anybody = parent.resolve("anybody.sock");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(anybody));
            Files.setPosixFilePermissions(anybody, PosixFilePermissions.fromString("rw-rw-rw-"));
            Files.writeString(program, """
                    import java.net.*;
                    import java.nio.channels.*;

                    class Stranger {
                        public static void main(String[] sockets) {
                            for (String socket : sockets) {
                                try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
                                    System.out.println("connected");
                                } catch (java.io.IOException e) {
                                    System.out.println(e.getMessage());
                                }
                            }
                        }
                    }
                    """);
            Process stranger = new ProcessBuilder(
                            "setpriv",
                            "--pdeathsig=KILL",
                            "--reuid=65534",
                            "--regid=65534",
                            "--clear-groups",
                            ProcessHandle.current().info().command().orElseThrow(),
                            program.toString(),
                            anybody.toString(),
                            socket(cluster.status().worker(1).id()).toString(),
                            socket(cluster.status().worker(2).id()).toString())
                    .redirectErrorStream(true)
                    .start();
            assertThat(new String(stranger.getInputStream().readAllBytes(), UTF_8).lines())
                    .containsExactly("connected", "Permission denied", "Permission denied");
        } finally {
            Files.deleteIfExists(anybody);
            Files.deleteIfExists(program);
        }
    }

    @Test
    @Tag("slow")
    @DisplayName("50 users count to 20,000 through kill -9, reload and scale, and not one number is wrong")
    void twentyThousandIncrementsAreExact() throws Exception {
        try (CountingUsers load = CountingUsers.start(List.of(cluster.port()), COUNTER, 2026, 50, 4, 20_000)) {
            await("users count").atMost(SOON).until(() -> load.answers() > 1000);
            succeeds("scale", "3");
            kill(2);
            succeeds("reload");
            kill(1);
            succeeds("scale", "2");
            load.await();
            assertExact(load);
            assertThat(load.cut()).as("requests that were cut off").isLessThan(400);
        }
    }

    private static void assertExact(CountingUsers load) {
        assertThat(load.wrong()).isEmpty();
        assertThat(load.lost()).as("sessions that began again").isZero();
        assertThat(load.refused()).as("503").isZero();
    }

    private static void succeeds(String command, String... arguments) throws Exception {
        Launcher.Result result = cluster.command(LONG, command, arguments);
        assertThat(result.exitCode()).as(result.errors()).isZero();
    }

    /** And waits until its slot has another worker that is ready. */
    private static void kill(int slot) throws Exception {
        ClusterStatus.Worker victim = cluster.status().worker(slot);
        ProcessHandle.of(victim.pid()).orElseThrow().destroyForcibly();
        await("another worker in slot " + slot).atMost(SOON).until(() -> {
            ClusterStatus.Worker now = cluster.status().worker(slot);
            return now.id() != victim.id() && now.isReady();
        });
    }
}
