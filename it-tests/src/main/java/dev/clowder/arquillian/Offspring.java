package dev.clowder.arquillian;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * Every process that was ever seen below another one: none may outlive it, and it may be gone when that is checked.
 * Thread-safe.
 */
final class Offspring {
    private final ProcessHandle parent;
    private final Set<ProcessHandle> seen = ConcurrentHashMap.newKeySet();

    Offspring(ProcessHandle parent) {
        this.parent = parent;
    }

    /** Notes a process that may belong to another parent by now. */
    void note(long pid) {
        ProcessHandle.of(pid).ifPresent(seen::add);
    }

    /** Notes those that there are now. */
    void look() {
        try (Stream<ProcessHandle> children = parent.descendants()) {
            children.forEach(seen::add);
        }
    }

    /** Those that still live. */
    List<ProcessHandle> living() {
        look();
        return seen.stream().filter(Running::is).toList();
    }

    void kill() {
        seen.forEach(ProcessHandle::destroyForcibly);
    }

    /** Waits for the end of the parent and all of them, and says so if that takes too long. */
    void awaitDeath(Duration atMost) {
        CompletableFuture<?>[] deaths = Stream.concat(Stream.of(parent), seen.stream())
                .map(ProcessHandle::onExit)
                .toArray(CompletableFuture<?>[]::new);
        try {
            CompletableFuture.allOf(deaths).get(atMost.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            System.getLogger(Offspring.class.getName())
                    .log(System.Logger.Level.WARNING, "still not dead after SIGKILL: " + living(), e);
        }
    }
}
