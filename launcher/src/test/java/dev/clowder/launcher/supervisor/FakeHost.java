package dev.clowder.launcher.supervisor;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Processes that exist on paper, and a clock that moves when told. */
final class FakeHost implements Host {
    long now = 1_000_000_000L;
    boolean broken;
    long processorTime;
    final List<String> orders = new ArrayList<>();

    @Override
    public long now() {
        return now;
    }

    @Override
    public Instant timeOfDay() {
        return Instant.EPOCH;
    }

    @Override
    public long spawn(int slot, int id) throws IOException {
        if (broken) {
            throw new IOException("no more processes");
        }
        orders.add("spawn " + slot + "/" + id);
        return 1000L + id;
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
        orders.add("probe " + id);
    }

    @Override
    public long processorTime(int id) {
        return processorTime;
    }

    /** What was ordered since the last call. */
    List<String> take() {
        List<String> taken = List.copyOf(orders);
        orders.clear();
        return taken;
    }
}
