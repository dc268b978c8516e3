package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.clowder.launcher.config.ConfigException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real files, written to as a worker does: opened once, for append. */
@Tag("once")
class LogsTest {
    private static final int LIMIT = 64 * 1024;

    @TempDir
    Path temporary;

    private final ByteArrayOutputStream console = new ByteArrayOutputStream();
    private final List<String> said = new CopyOnWriteArrayList<>();
    private final List<AutoCloseable> open = new ArrayList<>();
    private Output output;
    private Path directory;

    @BeforeEach
    void start() throws IOException {
        output = new Output(console);
        directory = Files.createDirectory(temporary.resolve("logs"));
    }

    @AfterEach
    void close() throws Exception {
        Collections.reverse(open);
        for (AutoCloseable one : open) {
            one.close();
        }
        output.close();
    }

    @Test
    void linesAppearOnTheConsoleBehindTheirSlotAndInItsFileAsTheyAre() throws Exception {
        Logs logs = logs();
        OutputStream first = worker(logs, 1);
        OutputStream second = worker(logs, 2);
        write(first, "one\n");
        write(second, "two\n");
        awaitConsole("[1] one\n", "[2] two\n");
        assertThat(Files.readString(Logs.file(directory, 1))).isEqualTo("one\n");
        assertThat(Files.readString(Logs.file(directory, 2))).isEqualTo("two\n");
    }

    @Test
    void theLastWordsOfADeadWorkerAreCompleteAlthoughItsGrandchildStillHoldsTheFile() throws Exception {
        Logs logs = logs();
        OutputStream grandchild = worker(logs, 1);
        write(grandchild, "# A fatal error\nhalf a li");
        logs.ended(1);
        awaitConsole("[1] # A fatal error\n[1] half a li\n");
        write(grandchild, "still here\n");
        awaitConsole("[1] still here\n");
    }

    @Test
    void whatIsWrittenUpToTheEndIsOnTheConsoleWhenTheLogsAreClosed() throws Exception {
        Logs logs = logs();
        OutputStream worker = worker(logs, 1);
        for (int i = 0; i < 1000; i++) {
            write(worker, "line " + i + "\n");
        }
        logs.close();
        output.close();
        assertThat(console.toString(UTF_8).lines()).hasSize(1000).last().isEqualTo("[1] line 999");
    }

    @Test
    void twoWorkersOfOneSlotShareItsFile() throws Exception {
        Logs logs = logs();
        OutputStream leaving = worker(logs, 1);
        OutputStream coming = worker(logs, 1);
        write(leaving, "bye\n");
        write(coming, "hello\n");
        write(leaving, "really\n");
        awaitConsole("[1] bye\n[1] hello\n[1] really\n");
        assertThat(Files.readString(Logs.file(directory, 1))).isEqualTo("bye\nhello\nreally\n");
    }

    @Test
    void aFullFileBecomesTheFirstOfTheKeptOnesAndNoLineIsLostOnTheWay() throws Exception {
        Logs logs = logs();
        OutputStream worker = worker(logs, 1);
        List<String> written = new ArrayList<>();
        // Each block is one write, and the next waits: what is written just before a file is emptied may be lost.
        for (int block = 0; block < 20; block++) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < 200; i++) {
                String line = "block " + block + " line " + i + " " + "x".repeat(80);
                written.add(line);
                text.append(line).append('\n');
            }
            write(worker, text.toString());
            awaitConsole("[1] " + written.get(written.size() - 1) + "\n");
            await(() -> Files.size(Logs.file(directory, 1)) <= LIMIT);
        }
        List<Path> files = new ArrayList<>(Logs.files(directory, 1));
        assertThat(files).hasSize(1 + SlotLog.KEPT);
        Collections.reverse(files);
        StringBuilder kept = new StringBuilder();
        for (Path file : files) {
            kept.append(Files.readString(file));
        }
        String all = String.join("\n", written) + "\n";
        assertThat(all).endsWith(kept.toString());
        assertThat(kept.length()).isGreaterThan(2 * LIMIT);
        output.close();
        assertThat(console.toString(UTF_8).lines().map(line -> line.substring(4)))
                .containsExactlyElementsOf(written);
        assertThat(said).isEmpty();
    }

    @Test
    void aFloodHasALimitOnTheDiskAndWhatIsMissingIsCounted() throws Exception {
        Logs logs = logs();
        OutputStream worker = worker(logs, 1);
        byte[] megabyte = ("x".repeat(1023) + "\n").repeat(1024).getBytes(UTF_8);
        for (int i = 0; i < 64; i++) {
            worker.write(megabyte);
        }
        await(() -> onDisk() <= (1L + 2 * SlotLog.KEPT) * LIMIT);
        await(() -> said.stream().anyMatch(line -> line.matches("slot-1.log: \\d+ bytes were not kept")));
        await(() -> {
            write(worker, "after the flood\n");
            return newest().endsWith("after the flood\n");
        });
    }

    @Test
    void whatIsKeptOfAFloodHasItsLimitHoweverMuchComesMeanwhile() throws Exception {
        Path path = temporary.resolve("slot-1.log");
        AtomicBoolean over = new AtomicBoolean();
        byte[] block = ("x".repeat(1023) + "\n").repeat(64).getBytes(UTF_8);
        try (SlotLog log = new SlotLog(path, LIMIT, output.of(1), line -> {});
                OutputStream worker = Files.newOutputStream(path, StandardOpenOption.APPEND)) {
            CompletableFuture<Void> flood = CompletableFuture.runAsync(() -> {
                try {
                    while (!over.get()) {
                        worker.write(block);
                    }
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            Path kept = SlotLog.generation(path, 1);
            try {
                for (int i = 0; i < 300; i++) {
                    log.poll();
                    assertThat(Files.exists(kept) ? Files.size(kept) : 0).isLessThanOrEqualTo(2 * LIMIT);
                }
            } finally {
                over.set(true);
            }
            flood.join();
            assertThat(kept).isNotEmptyFile();
        }
    }

    @Test
    void failure18AReaderThatStandsStillStopsNeitherFilesNorRotation() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        try (Output blocked = new Output(new OutputStream() {
                    @Override
                    public void write(int b) throws IOException {
                        try {
                            release.await();
                        } catch (InterruptedException e) {
                            throw new IOException(e);
                        }
                    }
                });
                Logs logs = new Logs(directory, LIMIT, blocked, said::add)) {
            OutputStream worker = worker(logs, 1);
            byte[] line = ("x".repeat(1023) + "\n").getBytes(UTF_8);
            for (int i = 0; i < 3 * Output.MAX_WAITING / line.length; i++) {
                worker.write(line);
            }
            await(() -> {
                write(worker, "end\n");
                return Files.size(Logs.file(directory, 1)) <= LIMIT && newest().endsWith("end\n");
            });
            release.countDown();
        }
    }

    @Test
    void workersThatOutliveTheirSupervisorAreFollowedByTheNextOne() throws Exception {
        Logs dead = logs();
        OutputStream worker = worker(dead, 1);
        write(worker, "before\n");
        awaitConsole("[1] before\n");
        dead.close();
        write(worker, "alone\n");
        Logs next = logs();
        write(worker, "after\n");
        awaitConsole("[1] after\n");
        assertThat(console.toString(UTF_8)).doesNotContain("alone");
        assertThat(Files.readString(Logs.file(directory, 1))).isEqualTo("before\nalone\nafter\n");
        next.close();
    }

    @Test
    void aFileThatSomebodyRemovedIsMadeAgainForTheNextWorker() throws Exception {
        Logs logs = logs();
        OutputStream old = worker(logs, 1);
        write(old, "one\n");
        Files.delete(Logs.file(directory, 1));
        write(old, "two\n");
        OutputStream next = worker(logs, 1);
        write(next, "three\n");
        awaitConsole("[1] one\n", "[1] two\n", "[1] three\n");
        assertThat(Files.readString(Logs.file(directory, 1))).isEqualTo("three\n");
    }

    @Test
    void aFileThatSomebodyEmptiedIsFollowedFromItsBeginning() throws Exception {
        Logs logs = logs();
        OutputStream worker = worker(logs, 1);
        write(worker, "a long first line\n");
        awaitConsole("[1] a long first line\n");
        Files.write(Logs.file(directory, 1), new byte[0]);
        write(worker, "two\n");
        awaitConsole("[1] two\n");
    }

    @Test
    void failure17AWorkerWhoseFileCanNotBeOpenedStartsAllTheSame() throws Exception {
        Logs logs = logs();
        Files.createDirectory(Logs.file(directory, 1));
        assertThat(logs.target(1)).isNull();
        assertThat(said).singleElement().asString().contains("log of slot 1");
    }

    @Test
    void inTheRunDirectoryTheyGoWithAClusterThatEndedInGoodOrderAndStayOtherwise() throws Exception {
        Path run = Files.createDirectory(temporary.resolve("run"));
        Logs failing = Logs.open(run, null, 1, output, said::add);
        write(worker(failing, 1), "why\n");
        failing.close();
        Path kept = Logs.file(Logs.directory(run), 1);
        assertThat(kept).hasContent("why");
        Logs good = Logs.open(run, null, 1, output, said::add);
        assertThat(kept).hasContent("why");
        good.discard();
        good.close();
        assertThat(run).isEmptyDirectory();
    }

    @Test
    void aClusterThatNeverStartedAWorkerLeavesNoDirectory() throws Exception {
        Path run = Files.createDirectory(temporary.resolve("run"));
        Logs.open(run, null, 1, output, said::add).close();
        assertThat(run).isEmptyDirectory();
    }

    @Test
    void elsewhereTheyStayAndAreFoundThroughTheRunDirectoryAsLongAsTheClusterRuns() throws Exception {
        Path run = Files.createDirectory(temporary.resolve("run"));
        Path elsewhere = temporary.resolve("var/log/shop");
        Logs logs = Logs.open(run, elsewhere, 1, output, said::add);
        write(worker(logs, 1), "kept\n");
        assertThat(Logs.file(Logs.directory(run), 1)).hasContent("kept");
        logs.discard();
        logs.close();
        assertThat(run).isEmptyDirectory();
        assertThat(elsewhere.resolve("slot-1.log")).hasContent("kept");
    }

    @Test
    void aLogDirectoryThatCanNotBeMadeIsNamed() throws Exception {
        Path file = Files.createFile(temporary.resolve("file"));
        assertThatThrownBy(() -> Logs.open(temporary, file.resolve("logs"), 1, output, said::add))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("--log-dir " + file.resolve("logs"));
    }

    private Logs logs() throws IOException {
        Logs logs = new Logs(directory, LIMIT, output, said::add);
        open.add(logs);
        return logs;
    }

    private OutputStream worker(Logs logs, int slot) throws IOException {
        OutputStream worker = Files.newOutputStream(logs.target(slot), StandardOpenOption.APPEND);
        open.add(worker);
        return worker;
    }

    private static void write(OutputStream worker, String text) throws IOException {
        worker.write(text.getBytes(UTF_8));
    }

    private String newest() throws IOException {
        for (Path file : Logs.files(directory, 1)) {
            if (Files.size(file) > 0) {
                return Files.readString(file);
            }
        }
        return "";
    }

    private long onDisk() {
        return Logs.files(directory, 1).stream()
                .mapToLong(file -> {
                    try {
                        return Files.size(file);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                })
                .sum();
    }

    private void awaitConsole(String... texts) {
        await(() -> {
            String all = console.toString(UTF_8);
            return List.of(texts).stream().allMatch(all::contains);
        });
    }

    private static void await(Callable<Boolean> condition) {
        Awaitility.await().atMost(Duration.ofSeconds(30)).until(condition);
    }
}
