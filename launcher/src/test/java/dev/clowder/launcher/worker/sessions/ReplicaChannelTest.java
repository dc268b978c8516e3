package dev.clowder.launcher.worker.sessions;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.clowder.launcher.worker.sessions.ReplicaFrame.Entry;
import dev.clowder.launcher.worker.sessions.ReplicaFrame.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Worker 1 tells worker 2, and others would like to. */
@Timeout(60)
class ReplicaChannelTest {
    private static final int LENGTH = ReplicaHandshake.LENGTH;
    private static final long SEND_NANOS = TimeUnit.SECONDS.toNanos(3);
    private static final int SENDERS = 50;
    private static final Path PRLIMIT = Path.of("/usr/bin/prlimit");

    @TempDir
    private Path directory;

    private final BlockingQueue<ReplicaFrame> heard = new LinkedBlockingQueue<>();
    private final List<SocketChannel> strangers = new ArrayList<>();
    private final List<ServerSocketChannel> workers = new ArrayList<>();
    private ReplicaChannel one;
    private ReplicaChannel two;

    @BeforeEach
    void start() throws IOException {
        one = new ReplicaChannel(directory, 1, frame -> {}, SEND_NANOS);
        two = new ReplicaChannel(directory, 2, this::hear);
        one.start(ReplicaGroup.KEY);
        two.start(ReplicaGroup.KEY);
    }

    private void hear(ReplicaFrame frame) {
        if (frame.key().equals("bad")) {
            throw new IllegalStateException("a bug");
        }
        heard.add(frame);
    }

    @AfterEach
    void stop() throws IOException {
        one.stop();
        two.stop();
        for (ServerSocketChannel worker : workers) {
            worker.close();
        }
        for (SocketChannel stranger : strangers) {
            stranger.close();
        }
    }

    private static ReplicaFrame copy(String key, byte[] data) {
        return new ReplicaFrame(Kind.COPY, 1, key, new Entry(1, 1, 1, 60, data));
    }

    private void oneTellsTwo() throws Exception {
        assertThat(one.send(copy("cart", "milk".getBytes(UTF_8)), Set.of(2))).isEmpty();
        ReplicaFrame frame = heard.poll(10, TimeUnit.SECONDS);
        assertThat(Objects.requireNonNull(frame).key()).isEqualTo("cart");
        assertThat(heard).isEmpty();
    }

    private SocketChannel stranger() throws IOException {
        SocketChannel stranger = SocketChannel.open(StandardProtocolFamily.UNIX);
        strangers.add(stranger);
        stranger.connect(UnixDomainSocketAddress.of(directory.resolve("worker-2-r.sock")));
        return stranger;
    }

    /** A worker that the test plays. */
    private ServerSocketChannel worker(int id, int backlog) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        workers.add(server);
        return server.bind(UnixDomainSocketAddress.of(directory.resolve("worker-" + id + "-r.sock")), backlog);
    }

    /** Takes a connection and one frame. */
    private void take(ServerSocketChannel server, int id) throws IOException {
        byte[] mine = ReplicaHandshake.challenge();
        SocketChannel bringer = server.accept();
        strangers.add(bringer);
        say(bringer, mine);
        byte[] his = read(bringer, LENGTH);
        read(bringer, LENGTH);
        say(bringer, new ReplicaHandshake(ReplicaGroup.KEY).taker(id, mine, his));
        int length = ByteBuffer.wrap(read(bringer, Integer.BYTES)).getInt();
        assertThat(read(bringer, length)).hasSize(length);
        say(bringer, new byte[] {ReplicaIntake.TAKEN});
    }

    private CompletableFuture<Set<Integer>> oneTells(int worker) {
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return one.send(copy("cart", new byte[1]), Set.of(worker));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                task -> new Thread(task).start());
    }

    private static byte[] read(SocketChannel from, int length) throws IOException {
        return Channels.newInputStream(from).readNBytes(length);
    }

    private static byte[] and(byte[] one, byte[] other) {
        return ByteBuffer.allocate(one.length + other.length)
                .put(one)
                .put(other)
                .array();
    }

    private static byte[] framed(ReplicaFrame frame) {
        byte[] bytes = frame.bytes();
        return ByteBuffer.allocate(4 + bytes.length)
                .putInt(bytes.length)
                .put(bytes)
                .array();
    }

    /** He may have been cut off before that. */
    private static void say(SocketChannel stranger, byte[] bytes) {
        try {
            ByteBuffer all = ByteBuffer.wrap(bytes);
            while (all.hasRemaining()) {
                stranger.write(all);
            }
        } catch (IOException e) {
            // As it should be.
        }
    }

    private static boolean isCutOff(SocketChannel stranger) {
        try {
            return read(stranger, 1).length == 0;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void aFrameOfAnySizeArrivesAndIsAnsweredWhenItIsTakenIn() throws Exception {
        byte[] much = new byte[5_000_000];
        new Random(8).nextBytes(much);
        for (byte[] data : List.of(new byte[0], new byte[] {1}, much)) {
            assertThat(one.send(copy("cart", data), Set.of(2))).isEmpty();
            Entry told = Objects.requireNonNull(heard.remove().entry());
            assertThat(told.data()).isEqualTo(data);
        }
    }

    @Test
    void whoIsNotThereOrCanNotTakeItInIsNamedAndOthersHaveIt() throws Exception {
        assertThat(one.send(copy("cart", new byte[1]), Set.of(2, 3))).containsExactly(3);
        assertThat(heard.remove().key()).isEqualTo("cart");
        assertThat(one.send(copy("bad", new byte[1]), Set.of(2))).containsExactly(2);
        oneTellsTwo();
    }

    @Test
    void aWorkerThatLeavesAndComesAgainIsToldOverANewConnection() throws Exception {
        oneTellsTwo();
        two.stop();
        assertThat(one.send(copy("cart", new byte[1]), Set.of(2))).containsExactly(2);
        two = new ReplicaChannel(directory, 2, this::hear);
        two.start(ReplicaGroup.KEY);
        oneTellsTwo();
    }

    @Test
    void anInterruptedThreadTellsAndStaysInterrupted() throws Exception {
        anInterruptedThreadTells();
    }

    private void anInterruptedThreadTells() throws Exception {
        Thread.currentThread().interrupt();
        Set<Integer> faulty = one.send(copy("cart", new byte[1]), Set.of(2));
        assertThat(Thread.interrupted()).isTrue();
        assertThat(faulty).isEmpty();
        assertThat(heard.remove().key()).isEqualTo("cart");
        oneTellsTwo();
    }

    @Test
    void whoDoesNotKnowTheKeyIsCutOffAndNothingThatHeSaysIsTakenIn() throws Exception {
        byte[] frame = framed(copy("cart", "poison".getBytes(UTF_8)));
        ReplicaHandshake wrong = new ReplicaHandshake("ff".repeat(16));
        byte[] mine = ReplicaHandshake.challenge();

        SocketChannel eager = stranger();
        say(eager, and(new byte[2 * LENGTH], frame));
        SocketChannel guessing = stranger();
        say(guessing, and(and(mine, wrong.bringer(2, read(guessing, LENGTH), mine)), frame));
        SocketChannel garbage = stranger();
        byte[] noise = new byte[1_000_000];
        new Random(8).nextBytes(noise);
        say(garbage, noise);
        // A length that a worker should not even think of.
        SocketChannel huge = stranger();
        say(huge, and(new byte[] {0x7f, -1, -1, -1}, noise));
        assertThat(isCutOff(guessing)).isTrue();
        for (SocketChannel stranger : List.of(eager, garbage, huge)) {
            read(stranger, LENGTH);
            assertThat(isCutOff(stranger)).isTrue();
        }
        oneTellsTwo();
    }

    @Test
    void whatAWorkerHasSaidIsOfNoUseOnAnotherConnectionNorAtAnotherWorker() throws Exception {
        ReplicaHandshake right = new ReplicaHandshake(ReplicaGroup.KEY);
        byte[] mine = ReplicaHandshake.challenge();
        byte[] frame = framed(copy("cart", "poison".getBytes(UTF_8)));

        SocketChannel recorded = stranger();
        byte[] challenge = read(recorded, LENGTH);
        byte[] said = and(mine, right.bringer(2, challenge, mine));
        say(recorded, said);
        assertThat(read(recorded, LENGTH)).isEqualTo(right.taker(2, challenge, mine));

        SocketChannel replayed = stranger();
        read(replayed, LENGTH);
        say(replayed, and(said, frame));
        assertThat(isCutOff(replayed)).isTrue();

        SocketChannel passedOn = stranger();
        say(passedOn, and(and(mine, right.bringer(3, read(passedOn, LENGTH), mine)), frame));
        assertThat(isCutOff(passedOn)).isTrue();

        // What a worker answers is not what one has to say who comes.
        SocketChannel mirrored = stranger();
        say(mirrored, and(and(mine, right.taker(2, read(mirrored, LENGTH), mine)), frame));
        assertThat(isCutOff(mirrored)).isTrue();
        oneTellsTwo();
    }

    @Test
    void aWorkerTellsNothingToWhoeverTookThePlaceOfAnother() throws Exception {
        two.stop();
        ServerSocketChannel impostor = worker(2, 50);
        CompletableFuture<Set<Integer>> sent = oneTells(2);
        SocketChannel told = impostor.accept();
        strangers.add(told);
        say(told, new byte[LENGTH]);
        assertThat(read(told, 2 * LENGTH)).hasSize(2 * LENGTH);
        say(told, new byte[LENGTH]);
        assertThat(isCutOff(told)).isTrue();
        assertThat(sent.get()).containsExactly(2);
    }

    @Test
    void whoSaysNothingOrHalfOfSomethingKeepsNobodyUpAndIsLetGo() throws Exception {
        // More than a worker lets wait.
        for (int i = 0; i < 250; i++) {
            say(stranger(), new byte[i % 2 * (2 * LENGTH - 1)]);
        }
        oneTellsTwo();
        for (SocketChannel stranger : List.of(strangers.get(0), strangers.get(248), strangers.get(249))) {
            read(stranger, LENGTH);
            assertThat(isCutOff(stranger)).isTrue();
        }
    }

    @Test
    void strangersThatLeaveAtOnceHoldNobodyUp() throws Exception {
        for (int i = 0; i < 1000; i++) {
            stranger().close();
        }
        oneTellsTwo();
    }

    @Test
    @Tag("slow") // It needs a machine that does not stop for a second.
    void whoHasBegunToProveHimselfKeepsHisPlaceForAMomentAndOthersWait() throws Exception {
        // What has to be loaded is.
        oneTellsTwo();
        List<SocketChannel> all = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            all.add(stranger());
        }
        SocketChannel next = stranger();
        byte[] first = read(all.get(0), LENGTH);
        read(all.get(199), LENGTH);
        CompletableFuture<byte[]> challenge = CompletableFuture.supplyAsync(() -> challenge(next));
        assertThatThrownBy(() -> challenge.get(100, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
        assertThat(proves(all.get(0), first)).isTrue();
        assertThat(proves(next, challenge.get())).isTrue();
    }

    private static byte[] challenge(SocketChannel from) {
        try {
            return read(from, LENGTH);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean proves(SocketChannel worker, byte[] challenge) throws IOException {
        ReplicaHandshake right = new ReplicaHandshake(ReplicaGroup.KEY);
        byte[] mine = ReplicaHandshake.challenge();
        say(worker, and(mine, right.bringer(2, challenge, mine)));
        return Arrays.equals(read(worker, LENGTH), right.taker(2, challenge, mine));
    }

    @Test
    void aWorkerThatCutsConnectionsOffForAMomentIsTriedUntilItTakesOne() throws Exception {
        ServerSocketChannel hasty = worker(3, 50);
        CompletableFuture<Set<Integer>> sent = oneTells(3);
        for (int i = 0; i < 5; i++) {
            hasty.accept().close();
        }
        take(hasty, 3);
        assertThat(sent.get()).isEmpty();
    }

    @Test
    void aWorkerAtWhichTooManyWaitIsTriedUntilItTakesAConnection() throws Exception {
        ServerSocketChannel crowded = worker(3, 1);
        List<SocketChannel> crowd = new ArrayList<>();
        assertThatThrownBy(() -> {
                    while (true) {
                        SocketChannel next = SocketChannel.open(StandardProtocolFamily.UNIX);
                        strangers.add(next);
                        next.configureBlocking(false);
                        next.connect(UnixDomainSocketAddress.of(directory.resolve("worker-3-r.sock")));
                        crowd.add(next);
                    }
                })
                .isInstanceOf(SocketException.class);
        CompletableFuture<Set<Integer>> sent = oneTells(3);
        assertThatThrownBy(() -> sent.get(500, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
        for (int i = 0; i < crowd.size(); i++) {
            crowded.accept().close();
        }
        take(crowded, 3);
        assertThat(sent.get()).isEmpty();
    }

    @Test
    void anInterruptedThreadWaitsForASenderAsOthersDo() throws Exception {
        ServerSocketChannel hung = worker(3, SENDERS);
        List<CompletableFuture<Set<Integer>>> sent = new ArrayList<>();
        for (int i = 0; i < SENDERS; i++) {
            sent.add(oneTells(3));
            strangers.add(hung.accept());
        }
        anInterruptedThreadTells();
        for (CompletableFuture<Set<Integer>> late : sent) {
            assertThat(late.get()).containsExactly(3);
        }
    }

    @Test
    @Tag("slow") // It needs a machine that does not stop for a second.
    void aWorkerWithoutDescriptorsBlamesNobody() throws Exception {
        assumeTrue(Files.isExecutable(PRLIMIT), "needs prlimit");
        String usual = limit("-o", "SOFT", "--noheadings");
        // All classes are there, and everything else but a connection.
        oneTellsTwo();
        ServerSocketChannel three = worker(3, 50);
        List<FileChannel> files = new ArrayList<>();
        try {
            files.add(FileChannel.open(PRLIMIT));
            limit("--nofile=" + (highest() + 20) + ":");
            assertThatThrownBy(() -> {
                        // What others have closed meanwhile is taken too.
                        for (int i = 0; i < 5; i++) {
                            takeAll(files);
                            one.send(copy("cart", new byte[1]), Set.of(3));
                        }
                    })
                    .isInstanceOf(IOException.class);
        } finally {
            for (FileChannel file : files) {
                file.close();
            }
            limit("--nofile=" + usual + ":");
        }
        three.close();
        oneTellsTwo();
    }

    private static void takeAll(List<FileChannel> files) {
        try {
            while (true) {
                files.add(FileChannel.open(PRLIMIT));
            }
        } catch (IOException e) {
            // None is left.
        }
    }

    /** The highest number of an open descriptor. */
    private static int highest() throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return open.mapToInt(path -> Integer.parseInt(path.getFileName().toString()))
                    .max()
                    .orElseThrow();
        }
    }

    /** Asks for, or changes, how many descriptors this process may have. */
    private static String limit(String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                PRLIMIT.toString(),
                "--pid",
                String.valueOf(ProcessHandle.current().pid())));
        if (options.length > 1) {
            command.add("--nofile");
        }
        command.addAll(List.of(options));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), UTF_8).strip();
        assertThat(process.waitFor()).as(said).isZero();
        return said;
    }
}
