package dev.clowder.launcher.supervisor;

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
        return stat != null && !stat.isDead() && is(stat);
    }

    /** Whether this is the process, be it dead. */
    boolean is(ProcessStat stat) {
        return stat.pid() == pid && stat.started().equals(started);
    }
}
