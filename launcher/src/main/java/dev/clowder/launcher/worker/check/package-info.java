/** What a worker of {@code clowder check} tells of its application. Nothing here runs in any other worker. */
@org.jspecify.annotations.NullMarked
package dev.clowder.launcher.worker.check;
