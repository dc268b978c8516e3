package dev.clowder.launcher.config;

import java.util.Locale;

/** Who takes a client's connection from the kernel ({@code --accept}). */
public enum AcceptMode {
    /** {@link #SHARED} where the platform can, else {@link #RELAY}. */
    AUTO,
    /** Each worker accepts from the one listening socket that the supervisor bound. Linux. */
    SHARED,
    /** The supervisor accepts and passes each socket to the worker that has been idle longest. Linux. */
    ROUND_ROBIN,
    /** The supervisor accepts and passes each socket to the worker with the fewest connections. Linux. */
    LEAST_CONNECTIONS,
    /** The supervisor accepts and copies bytes. Any platform. */
    RELAY;

    /** As users write it: {@code round-robin}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
