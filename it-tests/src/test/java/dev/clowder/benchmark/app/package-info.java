/** The application that all servers under measurement run. */
@NullMarked
package dev.clowder.benchmark.app;

import org.jspecify.annotations.NullMarked;
