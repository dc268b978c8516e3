package dev.clowder.launcher.config;

import java.time.Duration;

/**
 * How long a worker may take for each part of its life.
 *
 * @param boot from the start of the process until it is ready
 * @param drain for the requests in flight when it is told to stop
 * @param stop for everything after that, until it is killed
 * @param hang without a sign of life until it is killed
 * @param orphan for which a worker goes on serving when its supervisor is dead
 */
public record Timeouts(Duration boot, Duration drain, Duration stop, Duration hang, Duration orphan) {}
