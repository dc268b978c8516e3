package dev.clowder.launcher.worker;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Several ends of one file, as several workers have them. */
@Timeout(60)
@Tag("once")
class AccessLogFileTest {
    private static final Duration SOON = Duration.ofSeconds(30);
    private static final int LINES = 5000;

    @TempDir
    private Path temporary;

    private final Logger logger = Logger.getLogger(AccessLogFile.class.getName());
    private final List<String> told = new CopyOnWriteArrayList<>();
    private final Handler teller = new Handler() {
        @Override
        public void publish(LogRecord line) {
            told.add(line.getMessage());
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    private Path path;

    @BeforeEach
    void listen() {
        path = temporary.resolve("access.log");
        logger.addHandler(teller);
        logger.setUseParentHandlers(false);
    }

    @AfterEach
    void mute() {
        logger.removeHandler(teller);
        logger.setUseParentHandlers(true);
    }

    /** Writes numbered lines of different lengths, from two threads of each of two ends. */
    private void write(AccessLogFile... ends) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < ends.length * 2; i++) {
            int number = i;
            Thread thread = new Thread(() -> {
                for (int line = number; line < LINES; line += ends.length * 2) {
                    ends[number % ends.length].add(line(line));
                }
            });
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private static String line(int number) {
        return number + " " + "ü".repeat(number % 300) + " end";
    }

    private static List<String> all() {
        return IntStream.range(0, LINES).mapToObj(AccessLogFileTest::line).toList();
    }

    @Test
    void everyLineIsThereOnceAndWhole() throws Exception {
        AccessLogFile one = new AccessLogFile(path);
        AccessLogFile other = new AccessLogFile(path);
        write(one, other);
        one.close();
        other.close();
        assertThat(Files.readAllLines(path)).containsExactlyInAnyOrderElementsOf(all());
    }

    @Test
    void theLinesOfOneThreadStayInTheirOrder() throws Exception {
        AccessLogFile file = new AccessLogFile(path);
        all().forEach(file::add);
        file.close();
        assertThat(Files.readAllLines(path)).containsExactlyElementsOf(all());
    }

    @Test
    void aLineIsThereWithoutAnythingElseHappening() throws IOException {
        try (AccessLogFile file = new AccessLogFile(path)) {
            for (int i = 0; i < 50; i++) {
                file.add(line(i));
                int lines = i + 1;
                await().pollInterval(Duration.ofMillis(1))
                        .atMost(SOON)
                        .until(() ->
                                Files.exists(path) && Files.readAllLines(path).size() == lines);
            }
        }
    }

    @Test
    void aLineLongerThanAllBuffersIsWhole() throws IOException {
        String line = "x".repeat(1 << 20);
        AccessLogFile file = new AccessLogFile(path);
        List.of("before", line, "behind").forEach(file::add);
        file.close();
        assertThat(Files.readAllLines(path)).containsExactly("before", line, "behind");
    }

    @Test
    void renamingTheFileLosesNoLineAndMakesANewOne() throws Exception {
        AccessLogFile one = new AccessLogFile(path);
        AccessLogFile other = new AccessLogFile(path);
        Thread renaming = new Thread(() -> {
            for (int n = 1; n <= 5; n++) {
                Path next = temporary.resolve("full-" + n);
                await().atMost(SOON).ignoreExceptions().until(() -> {
                    Files.move(path, next);
                    return true;
                });
            }
        });
        renaming.start();
        int before = 0;
        while (renaming.isAlive()) {
            one.add("one " + before);
            other.add("other " + before++);
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
        write(one, other);
        one.close();
        other.close();
        List<String> found = new ArrayList<>();
        try (Stream<Path> files = Files.list(temporary)) {
            for (Path file : files.toList()) {
                found.addAll(Files.readAllLines(file));
            }
        }
        List<String> expected = new ArrayList<>(all());
        for (int i = 0; i < before; i++) {
            expected.addAll(List.of("one " + i, "other " + i));
        }
        assertThat(found).containsExactlyInAnyOrderElementsOf(expected);
        assertThat(temporary.resolve("full-5")).isNotEmptyFile();
        assertThat(told).isEmpty();
    }

    @Test
    void withoutItsDirectoryLinesAreLostAndCountedAndItGoesOnWhenThereIsOneAgain() throws Exception {
        Path later = temporary.resolve("later");
        try (AccessLogFile file = new AccessLogFile(later.resolve("access.log"))) {
            file.add("lost");
            await().atMost(SOON).until(() -> told.size() == 1);
            assertThat(told.get(0)).contains("lines are lost, serving goes on").contains(later.toString());
            Files.createDirectory(later);
            // It looks from time to time.
            await().atMost(SOON).until(() -> {
                file.add("again");
                return told.size() == 2;
            });
            assertThat(told.get(1)).containsPattern("is written again, [0-9]+ lines were lost");
        }
        assertThat(Files.readAllLines(later.resolve("access.log"))).containsOnly("again");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aFullDiskIsSaidOnceAndHoldsUpNobody() {
        AccessLogFile file = new AccessLogFile(Path.of("/dev/full"));
        all().forEach(file::add);
        file.close();
        assertThat(told)
                .satisfiesExactly(
                        line -> assertThat(line).contains("No space left on device"),
                        line -> assertThat(line).endsWith(" " + LINES + " lines were lost"));
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aDiskThatStandsStillHoldsUpNobodyAndCostsWhatDoesNotFitIntoMemory() throws Exception {
        // Nobody reads it: whoever opens or writes it waits.
        assertThat(new ProcessBuilder("mkfifo", path.toString()).start().waitFor())
                .isZero();
        AccessLogFile file = new AccessLogFile(path);
        String line = "x".repeat(1023);
        int fitting = AccessLogFile.MAX_WAITING / 1024;
        for (int i = 0; i < fitting + 100; i++) {
            file.add(line);
        }
        try (InputStream moving = Files.newInputStream(path)) {
            String text = new String(moving.readNBytes(fitting * 1024), UTF_8);
            assertThat(text.lines()).hasSize(fitting).containsOnly(line);
            file.close();
            assertThat(moving.read()).as("more than was kept").isEqualTo(-1);
        }
        assertThat(told).hasSize(1).first().asString().contains("100 lines were lost");
    }
}
