package dev.clowder.launcher.supervisor;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a supervisor writes down in the run directory for the next one, which may have to go on where it was killed: who
 * works, the highest id ever used, and what runs. Every file is replaced as a whole; one that can't be read does not
 * exist. Belongs to the holder of the directory's lock.
 */
final class Register {
    /** The names of its files, as a regular expression. */
    static final String FILES = "worker-\\d+\\.json|last-id\\.json|cluster\\.json|[a-z0-9-]+\\.json\\.new";

    // A newer launcher may have written more.
    private static final ObjectMapper JSON = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    private static final String LAST_ID = "last-id";
    private static final String CLUSTER = "cluster";

    private final Path root;

    /**
     * What runs.
     *
     * @param ports where it listens, in the order of the configuration
     * @param apps which applications were asked for at the start, as {@code options}; others may have been deployed since
     * @param options what else was asked for, in text that is equal when the same was asked for
     * @param asked how many workers were asked for at the start
     * @param workers how many are wanted, which {@code scale} may have changed since
     * @param version of the launcher that started the workers
     * @param generation the newest that has proven itself
     */
    record Plan(
            List<Port> ports,
            String apps,
            String options,
            int asked,
            int workers,
            String version,
            Generation generation) {
        Plan {
            ports = List.copyOf(ports);
        }

        Plan withWorkers(int askedNow, int wanted) {
            return new Plan(ports, apps, options, askedNow, wanted, version, generation);
        }
    }

    /**
     * One port.
     *
     * @param asked the address that was asked for, as text
     * @param address the one that was bound
     * @param number the one that was bound
     */
    record Port(String asked, String address, int number) {}

    Register(Path root) {
        this.root = root;
    }

    /** Loads what writing down a plan and a worker needs: the first time takes longer than all later ones together. */
    static void prepare() {
        Plan plan = new Plan(List.of(new Port("", "", 0)), "", "", 0, 0, "", new Generation(1, List.of(), List.of()));
        try {
            JSON.writeValueAsBytes(plan);
            JSON.writeValueAsBytes(new Survivor(1, 1, 1, "", 1));
        } catch (IOException e) {
            throw new IllegalStateException("our own words", e);
        }
    }

    /** Writes down that this id is used from now on, before anybody has it. */
    void reserve(int id) throws IOException {
        if (ProcessStat.of(ProcessHandle.current().pid()) != null) {
            write(LAST_ID, id);
        }
    }

    /** Writes down a worker that was just started. Where processes can't be told apart nothing is written. */
    void started(int slot, int id, long pid, int generation) throws IOException {
        ProcessStat stat = ProcessStat.of(pid);
        if (stat != null) {
            write(name(id), new Survivor(slot, id, pid, stat.started(), generation));
        }
    }

    /** Strikes out a worker that is dead, and removes its intakes. */
    void ended(int id) throws IOException {
        for (Path file : files(id)) {
            Files.deleteIfExists(file);
        }
    }

    void plan(Plan plan) throws IOException {
        write(CLUSTER, plan);
    }

    /** Writes down that so many workers are wanted now, where so many were asked for at the start. */
    void scaled(int asked, int workers) throws IOException {
        Plan plan = plan();
        if (plan != null) {
            plan(plan.withWorkers(asked, workers));
        }
    }

    /** Null when there is none. */
    @Nullable
    Plan plan() {
        return read(file(CLUSTER), Plan.class);
    }

    /** 0 when there was none. */
    int lastId() {
        Integer written = read(file(LAST_ID), Integer.class);
        int last = written == null ? 0 : written;
        for (Survivor survivor : living()) {
            last = Math.max(last, survivor.id());
        }
        return last;
    }

    /** Those who still run, by ascending slot and id. */
    List<Survivor> living() {
        List<Survivor> living = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(root, "worker-*.json")) {
            for (Path file : files) {
                Survivor survivor = read(file, Survivor.class);
                if (survivor != null && survivor.lives()) {
                    living.add(survivor);
                }
            }
        } catch (IOException e) {
            // Nobody is known then, and nobody is signalled.
        }
        living.sort(Comparator.comparingInt(Survivor::slot).thenComparingInt(Survivor::id));
        return living;
    }

    /** Its files that belong to no worker. */
    List<Path> files() {
        return List.of(file(LAST_ID), file(CLUSTER));
    }

    /** The files of one worker that there are. */
    List<Path> files(int id) throws IOException {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(root, name(id) + "{.json,.sock,-*.sock}")) {
            found.forEach(files::add);
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        return files;
    }

    private static String name(int id) {
        return "worker-" + id;
    }

    private Path file(String name) {
        return root.resolve(name + ".json");
    }

    private void write(String name, Object value) throws IOException {
        Path next = root.resolve(name + ".json.new");
        Files.write(next, JSON.writeValueAsBytes(value));
        Files.move(next, file(name), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static <T> @Nullable T read(Path file, Class<T> type) {
        try {
            return JSON.readValue(Files.readAllBytes(file), type);
        } catch (NoSuchFileException e) {
            return null;
        } catch (IOException e) {
            // Half written by a machine that stopped, or not by us.
            return null;
        }
    }
}
