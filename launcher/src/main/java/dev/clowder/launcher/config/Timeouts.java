package dev.clowder.launcher.config;

import java.time.Duration;

/**
 * How long a worker may take for each part of its life.
 *
 * @param boot from the start of the process until it is ready
 * @param drain for the requests in flight when it is told to stop
 * @param stop for everything after that, until it is killed
 */
public record Timeouts(Duration boot, Duration drain, Duration stop) {}
