package dev.clowder.launcher.supervisor;

import dev.clowder.launcher.config.ConfigException;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Processes that exist on paper, and a clock that moves when told. */
final class FakeHost implements Host {
    long now = 1_000_000_000L;
    boolean broken;
    long processorTime;
    long residentBytes;
    /** What people's clocks show. */
    Instant timeOfDay = Instant.EPOCH;
    /** Among how many workers the machine was to be shared when the last one was started. */
    int sharers;

    String problemOfApplications = "";
    final List<String> orders = new ArrayList<>();
    private final List<Integer> probes = new ArrayList<>();
    private Consumer<Event> events = event -> {};

    void reportTo(Consumer<Event> sink) {
        events = sink;
    }

    @Override
    public long now() {
        return now;
    }

    @Override
    public Instant timeOfDay() {
        return timeOfDay;
    }

    @Override
    public long spawn(int slot, int id, int workers) throws IOException {
        if (broken) {
            throw new IOException("no more processes");
        }
        orders.add("spawn " + slot + "/" + id);
        sharers = workers;
        return 1000L + id;
    }

    @Override
    public String move(int id, int slot) {
        orders.add("move " + id + " to " + slot);
        return "";
    }

    @Override
    public void terminate(int id) {
        orders.add("terminate " + id);
    }

    @Override
    public void kill(int id) {
        orders.add("kill " + id);
    }

    @Override
    public void dump(int id) {
        orders.add("dump " + id);
    }

    @Override
    public void probe(int id) {
        probes.add(id);
    }

    @Override
    public void prepare(int generation, Wanted wanted) {
        orders.add("prepare " + generation);
        if (!problemOfApplications.isEmpty()) {
            events.accept(new Event.Prepared(null, problemOfApplications));
            return;
        }
        try {
            events.accept(new Event.Prepared(new Generation(generation, wanted.apps(), List.of()), ""));
        } catch (ConfigException e) {
            events.accept(new Event.Prepared(null, String.valueOf(e.getMessage())));
        }
    }

    @Override
    public void discard(int generation) {
        orders.add("discard " + generation);
    }

    @Override
    public long processorTime(int id) {
        return processorTime;
    }

    /** Who was probed since the last call. */
    List<Integer> takeProbes() {
        List<Integer> taken = List.copyOf(probes);
        probes.clear();
        return taken;
    }

    /** What was ordered since the last call. */
    List<String> take() {
        List<String> taken = List.copyOf(orders);
        orders.clear();
        return taken;
    }
}
