package dev.clowder.launcher.config;

/** Who takes a client's connection from the kernel ({@code --accept}). */
public enum AcceptMode {
    /** {@link #SHARED} where the platform can, else {@link #RELAY}. */
    AUTO,
    /** Each worker accepts from the one listening socket that the supervisor bound. Linux. */
    SHARED,
    /** The supervisor accepts and copies bytes. Any platform. */
    RELAY
}
