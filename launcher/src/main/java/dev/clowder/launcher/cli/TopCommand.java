package dev.clowder.launcher.cli;

import dev.clowder.launcher.supervisor.Status;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jline.terminal.Attributes;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.utils.AttributedString;
import org.jline.utils.Display;
import org.jline.utils.InfoCmp.Capability;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "top",
        description = "Shows what the workers of a running cluster do, once a second; q ends it. Where the output is no"
                + " terminal it is plain text, once.")
final class TopCommand implements Callable<Integer> {
    private static final long EVERY_MILLIS = 1000;
    private static final int CTRL_C = 3;

    @Mixin
    ControlClient cluster = new ControlClient();

    @Option(
            names = "--samples",
            paramLabel = "N",
            description = "end after N looks (default: on a terminal never, else 1)")
    @Nullable
    Integer samples;

    @Option(names = "--help", usageHelp = true, description = "show this")
    boolean help;

    @Spec
    CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws ControlClient.NoClusterException, IOException, InterruptedException {
        if (samples != null && samples < 1) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "--samples " + samples + ": use a number from 1");
        }
        Status first = look();
        if (Terminals.is(0, false) && Terminals.is(1, false)) {
            live(first, samples == null ? Integer.MAX_VALUE : samples);
        } else {
            plain(first, samples == null ? 1 : samples);
        }
        return 0;
    }

    private Status look() throws ControlClient.NoClusterException, IOException {
        return Status.parse(cluster.status());
    }

    private void plain(Status first, int looks)
            throws ControlClient.NoClusterException, IOException, InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        Status before = first;
        for (int i = 0; i < looks; i++) {
            TimeUnit.MILLISECONDS.sleep(EVERY_MILLIS);
            Status now = look();
            if (i > 0) {
                out.println();
            }
            TopView.lines(before, now).forEach(out::println);
            out.flush();
            before = now;
        }
    }

    private void live(Status first, int looks) throws ControlClient.NoClusterException, IOException {
        try (Terminal terminal = TerminalBuilder.builder().system(true).build()) {
            Attributes cooked = terminal.enterRawMode();
            // A key like others, so that the terminal is put right after it too.
            Attributes raw = terminal.getAttributes();
            raw.setLocalFlag(Attributes.LocalFlag.ISIG, false);
            terminal.setAttributes(raw);
            terminal.puts(Capability.enter_ca_mode);
            terminal.puts(Capability.cursor_invisible);
            try {
                Display display = new Display(terminal, true);
                Status before = first;
                for (int i = 0; i < looks; i++) {
                    Status now = look();
                    show(terminal, display, TopView.lines(before, now));
                    before = now;
                    int key = terminal.reader().read(EVERY_MILLIS);
                    if (key == 'q' || key == 'Q' || key == CTRL_C || key == -1) {
                        return;
                    }
                }
            } finally {
                terminal.puts(Capability.cursor_normal);
                terminal.puts(Capability.exit_ca_mode);
                terminal.setAttributes(cooked);
                terminal.flush();
            }
        }
    }

    private static void show(Terminal terminal, Display display, List<String> lines) {
        int width = Math.max(20, terminal.getColumns());
        int height = Math.max(5, terminal.getRows());
        display.resize(Size.of(width, height));
        List<AttributedString> shown = lines.stream()
                .limit(height - 1L)
                .map(line -> new AttributedString(line.substring(0, Math.min(line.length(), width - 1))))
                .toList();
        display.update(shown, 0);
    }
}
