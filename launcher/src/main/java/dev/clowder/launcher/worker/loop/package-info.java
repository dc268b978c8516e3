/**
 * Requests that run where they are polled. {@link dev.clowder.launcher.worker.loop.LoopEndpoint} is all that an endpoint sees.
 */
@NullMarked
package dev.clowder.launcher.worker.loop;

import org.jspecify.annotations.NullMarked;
