package dev.clowder.launcher.worker;

/**
 * Who this worker is: its id, which it keeps, and its slot, which a spare is given late. Applications see both as system
 * properties. Thread-safe.
 */
final class Place {
    private static final String SLOT = "clowder.worker.slot";

    private final int id;
    private volatile int slot;

    /** As the supervisor said on the command line. */
    Place(int id) {
        this.id = id;
        slot = Integer.getInteger(SLOT, 0);
    }

    int id() {
        return id;
    }

    /** From 1; 0 in a spare that waits for a slot. */
    int slot() {
        return slot;
    }

    /**
     * From now on it is this one.
     *
     * @param workers how many are wanted
     */
    void take(int newSlot, int workers) {
        System.setProperty(SLOT, String.valueOf(newSlot));
        System.setProperty("clowder.workers", String.valueOf(workers));
        slot = newSlot;
    }

    /** {@code SLOT/ID}. */
    @Override
    public String toString() {
        return slot + "/" + id;
    }
}
