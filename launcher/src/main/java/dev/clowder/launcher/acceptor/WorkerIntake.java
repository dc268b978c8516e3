package dev.clowder.launcher.acceptor;

import java.nio.file.Path;

/**
 * A worker that takes connections.
 *
 * @param id of the worker, never used twice
 * @param intake its Unix socket
 */
public record WorkerIntake(int id, Path intake) {}
