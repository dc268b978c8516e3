/** Sessions that all workers share: one manager for applications, and the places where sessions are kept. */
@NullMarked
package dev.clowder.launcher.worker.sessions;

import org.jspecify.annotations.NullMarked;
