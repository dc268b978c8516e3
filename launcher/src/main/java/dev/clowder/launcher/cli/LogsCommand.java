package dev.clowder.launcher.cli;

import dev.clowder.launcher.supervisor.Lines;
import dev.clowder.launcher.supervisor.Logs;
import dev.clowder.launcher.supervisor.Status;
import dev.clowder.launcher.wire.Signals;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(name = "logs", description = "Shows what the workers of a running cluster write.")
final class LogsCommand implements Callable<Integer> {
    private static final long POLL_MILLIS = 100;
    private static final int POLLS_A_SECOND = (int) (1000 / POLL_MILLIS);
    /** A supervisor that is replaced by another one is away for a moment. */
    private static final int SECONDS_WITHOUT_CLUSTER = 2;

    @Mixin
    ControlClient cluster = new ControlClient();

    @Parameters(
            arity = "0..1",
            paramLabel = "SLOT",
            description = "only this worker's, 0 for the spare (default: all, each line named)")
    @Nullable
    Integer slot;

    @Option(
            names = {"-f", "--follow"},
            description = "go on until interrupted, or the cluster ends")
    boolean follow;

    @Option(
            names = {"-n", "--lines"},
            paramLabel = "N",
            defaultValue = "1000",
            description = "begin with the last N lines of each slot (default: 1000)")
    int lines;

    @Option(names = "--help", usageHelp = true, description = "show this")
    boolean help;

    @Spec
    CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws ControlClient.NoClusterException, IOException, InterruptedException {
        if (lines < 0) {
            throw new CommandLine.ParameterException(spec.commandLine(), "-n " + lines + ": use a number from 0");
        }
        List<SlotTail> tails = new ArrayList<>();
        for (int number : slots()) {
            tails.add(new SlotTail(number, slot == null ? "[" + number + "] " : ""));
        }
        for (SlotTail tail : tails) {
            tail.showLast();
        }
        out().flush();
        if (follow) {
            follow(tails);
        }
        return 0;
    }

    /** The slots that are wanted, of those that the cluster has. */
    private List<Integer> slots() throws ControlClient.NoClusterException, IOException {
        Status status = Status.parse(ask());
        List<Integer> all = Stream.concat(status.workers().stream(), Stream.ofNullable(status.spare()))
                .map(Status.WorkerStatus::slot)
                .distinct()
                .sorted()
                .toList();
        if (slot == null) {
            return all;
        }
        if (!all.contains(slot)) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "slot " + slot + ": this cluster has " + all.size() + ", use one of " + all);
        }
        return List.of(slot);
    }

    private String ask() throws ControlClient.NoClusterException, IOException {
        try {
            return cluster.status();
        } catch (ControlClient.NoClusterException e) {
            Path kept = Logs.directory(cluster.directory());
            throw Files.isDirectory(kept)
                    ? new ControlClient.NoClusterException(e.getMessage() + "; the logs of the last one are in " + kept)
                    : e;
        }
    }

    private void follow(List<SlotTail> tails) throws IOException, InterruptedException {
        CountDownLatch interrupted = new CountDownLatch(1);
        Signals.on(List.of("TERM", "INT"), interrupted::countDown);
        int alone = 0;
        for (int polls = 1; alone < SECONDS_WITHOUT_CLUSTER && !out().checkError(); polls++) {
            if (interrupted.await(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                return;
            }
            if (polls % POLLS_A_SECOND == 0) {
                alone = cluster.isAlive() ? 0 : alone + 1;
            }
            for (SlotTail tail : tails) {
                tail.showNew();
            }
        }
    }

    private void show(byte[] line) {
        out().print(new String(line, Charset.defaultCharset()));
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }

    /** One slot's log, across rotation. */
    private final class SlotTail {
        private final Path directory = Logs.directory(cluster.directory());
        private final int number;
        private final String prefix;
        private final Lines shown;
        private final ByteBuffer buffer = ByteBuffer.allocate(64 * 1024);
        private @Nullable FileChannel current;
        private long position;

        SlotTail(int number, String prefix) {
            this.number = number;
            this.prefix = prefix;
            shown = new Lines(prefix, LogsCommand.this::show);
        }

        /** The newest file first: most of the time it has lines enough. */
        void showLast() throws IOException {
            List<List<byte[]>> newestFirst = new ArrayList<>();
            int missing = lines;
            for (Path file : Logs.files(directory, number)) {
                Deque<byte[]> last = new ArrayDeque<>();
                int most = missing;
                Lines read = new Lines(prefix, line -> {
                    last.add(line);
                    if (last.size() > most) {
                        last.remove();
                    }
                });
                try (FileChannel in = FileChannel.open(file)) {
                    long end = copy(in, 0, read);
                    position = newestFirst.isEmpty() ? end : position;
                }
                read.end();
                newestFirst.add(List.copyOf(last));
                missing -= last.size();
                if (missing <= 0) {
                    break;
                }
            }
            Collections.reverse(newestFirst);
            newestFirst.forEach(part -> part.forEach(LogsCommand.this::show));
        }

        /** A full file was copied to the first generation, then emptied: what we have not seen of it is there. */
        void showNew() throws IOException {
            FileChannel in = current;
            if (in == null) {
                if (!Files.exists(Logs.file(directory, number))) {
                    return;
                }
                in = FileChannel.open(Logs.file(directory, number));
                current = in;
            }
            if (in.size() < position) {
                List<Path> files = Logs.files(directory, number);
                if (files.size() > 1) {
                    try (FileChannel full = FileChannel.open(files.get(1))) {
                        copy(full, position, shown);
                    }
                }
                position = 0;
            }
            position = copy(in, position, shown);
        }

        private long copy(FileChannel in, long from, Lines to) throws IOException {
            long at = from;
            buffer.clear();
            for (int read = in.read(buffer, at); read > 0; read = in.read(buffer, at)) {
                to.add(buffer.array(), read);
                at += read;
                buffer.clear();
            }
            return at;
        }
    }
}
