/**
 * Requests of connections that can't be moved, those of TLS and HTTP/2: another worker answers them. A
 * {@link dev.clowder.launcher.worker.relay.Relay} is one such request in the worker that received it,
 * {@link dev.clowder.launcher.worker.relay.RelayedFacts} is what the other one has to know of its connection.
 */
@NullMarked
package dev.clowder.launcher.worker.relay;

import org.jspecify.annotations.NullMarked;
