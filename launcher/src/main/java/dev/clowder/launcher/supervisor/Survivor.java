package dev.clowder.launcher.supervisor;

import org.jspecify.annotations.Nullable;

/**
 * A worker that outlived its supervisor.
 *
 * @param slot its place
 * @param id its incarnation
 * @param pid of its process
 * @param started what distinguishes it from a later process of the same pid: {@link ProcessStat#started()}
 * @param generation of its applications
 */
record Survivor(int slot, int id, long pid, String started, int generation) {

    /** Whether this very process runs; another one that got its pid is nobody's business here. */
    boolean lives() {
        ProcessStat stat = ProcessStat.of(pid);
        return stat != null && !stat.isDead() && stat.started().equals(started);
    }

    /**
     * By which it can be signalled, dead or alive; null if it is gone. A handle never signals a later process of the same
     * pid. It is made before the start is compared: so the pid can't change hands unseen.
     */
    @Nullable
    ProcessHandle handle() {
        ProcessHandle handle = ProcessHandle.of(pid).orElse(null);
        ProcessStat stat = ProcessStat.of(pid);
        return handle != null && stat != null && stat.started().equals(started) ? handle : null;
    }
}
