package dev.clowder.launcher.supervisor;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.File;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** This process, as it was started: the same command is tried in a child, and takes this one's place. Linux. */
final class UpgradeHost {
    private static final long PROOF_SECONDS = 60;
    private static final int MAX_OUTPUT = 64 * 1024;

    private final List<byte[]> command;
    private final int arguments;

    /**
     * Reads the command of this process.
     *
     * @param arguments those of the program: the end of the command
     * @throws IOException if that is not what this process was started with
     */
    UpgradeHost(List<String> arguments) throws IOException {
        // Another version chooses its own flags.
        this.command = OwnJvm.withoutFlags(
                OwnProcess.command(arguments), argument -> new String(argument, OwnProcess.charset()));
        this.arguments = arguments.size();
    }

    /**
     * Lets a child read and check the same configuration.
     *
     * @return the version that it said
     * @throws IOException with the child's own words if it refuses
     */
    String prove() throws IOException, InterruptedException {
        List<String> proof = new ArrayList<>();
        for (byte[] argument : command) {
            proof.add(new String(argument, OwnProcess.charset()));
        }
        proof.set(0, executable().toString());
        // Behind "run".
        proof.add(proof.size() - arguments + 1, "--check");
        Path output = Files.createTempFile("clowder-upgrade", ".txt");
        try {
            Process child = ChildProcess.start(
                    new ProcessBuilder(proof).redirectErrorStream(true).redirectOutput(output.toFile()));
            child.getOutputStream().close();
            boolean ended = child.waitFor(PROOF_SECONDS, TimeUnit.SECONDS);
            if (!ended) {
                child.destroyForcibly();
            }
            String said = lastLine(output);
            if (!ended || child.exitValue() != 0) {
                throw new IOException(ended ? said : "no answer within " + PROOF_SECONDS + " s");
            }
            return said;
        } finally {
            Files.deleteIfExists(output);
        }
    }

    /** Does not return, unless by an exception. */
    void exec() throws IOException {
        List<byte[]> environment = OwnProcess.environment();
        // Sockets that systemd gave to this process are closed by exec; the port comes back from the workers.
        environment.removeIf(variable -> new String(variable, ISO_8859_1).startsWith("LISTEN_"));
        Posix.closeOnExec();
        Posix.exec(executable(), command, environment);
    }

    /** Where a shell would find it now: {@code /proc/self/exe} is the old one, even when its file is gone. */
    private Path executable() throws IOException {
        Path name = Path.of(new String(command.get(0), OwnProcess.charset()));
        if (name.getNameCount() > 1 || name.isAbsolute()) {
            return name.toAbsolutePath();
        }
        for (String directory : String.valueOf(System.getenv("PATH")).split(File.pathSeparator, -1)) {
            Path candidate = Path.of(directory).resolve(name).toAbsolutePath();
            if (Files.isExecutable(candidate) && !Files.isDirectory(candidate)) {
                return candidate;
            }
        }
        throw new IOException("no " + name + " in PATH");
    }

    private static String lastLine(Path output) throws IOException {
        byte[] bytes;
        try (var in = Files.newInputStream(output)) {
            bytes = in.readNBytes(MAX_OUTPUT);
        }
        return new String(bytes, Charset.defaultCharset())
                .strip()
                .lines()
                .reduce((first, second) -> second)
                .orElse("it said nothing");
    }
}
