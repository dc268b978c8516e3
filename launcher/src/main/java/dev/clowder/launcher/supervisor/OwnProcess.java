package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** How this process was started, in bytes: Java loses what its own character set has no words for. Linux. */
final class OwnProcess {
    private static final Path PROC = Path.of("/proc/self");

    private OwnProcess() {}

    /**
     * The command of this process: the JVM's, and behind it the program's arguments. A new list.
     *
     * @param arguments those of the program
     * @throws IOException if they are not the end of it, or there is no /proc
     */
    static List<byte[]> command(List<String> arguments) throws IOException {
        List<byte[]> command = zeroTerminated(PROC.resolve("cmdline"));
        List<String> end = new ArrayList<>();
        for (byte[] argument : command.subList(Math.max(0, command.size() - arguments.size()), command.size())) {
            end.add(new String(argument, charset()));
        }
        if (!end.equals(arguments)) {
            throw new IOException("the command of this process can't be told from " + end);
        }
        return command;
    }

    /** As {@code NAME=value}. A new list. */
    static List<byte[]> environment() throws IOException {
        return zeroTerminated(PROC.resolve("environ"));
    }

    /** In which Java read its arguments. */
    static Charset charset() {
        String name = System.getProperty("sun.jnu.encoding");
        return name != null && Charset.isSupported(name) ? Charset.forName(name) : UTF_8;
    }

    private static List<byte[]> zeroTerminated(Path file) throws IOException {
        List<byte[]> parts = new ArrayList<>();
        byte[] all = Files.readAllBytes(file);
        int from = 0;
        for (int i = 0; i < all.length; i++) {
            if (all[i] == 0) {
                parts.add(Arrays.copyOfRange(all, from, i));
                from = i + 1;
            }
        }
        return parts;
    }
}
