package dev.clowder.launcher.cli;

import dev.clowder.launcher.wire.Message;
import java.io.PrintWriter;

/** The steps of a long command: on a terminal one line that changes, elsewhere a line for each. For one thread. */
final class ProgressLine {
    private static final int WIDTH = 16;
    private static final String CLEAR = "\r\u001b[K";

    private final PrintWriter out;
    private final boolean terminal;
    private boolean shown;

    ProgressLine(PrintWriter out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    void show(Message.Progress step) {
        if (terminal) {
            out.print(CLEAR + bar(step) + step.line());
            shown = true;
        } else {
            out.println(step.line());
        }
        out.flush();
    }

    private static String bar(Message.Progress step) {
        if (step.steps() <= 0) {
            return "";
        }
        int done = Math.min(step.done(), step.steps());
        int full = WIDTH * done / step.steps();
        return "[" + "#".repeat(full) + ".".repeat(WIDTH - full) + "] " + done + "/" + step.steps() + "  ";
    }

    /** The answer follows. */
    void end() {
        if (shown) {
            out.print(CLEAR);
            out.flush();
        }
    }
}
