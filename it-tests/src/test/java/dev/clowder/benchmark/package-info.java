/**
 * Benchmarks of the launcher beside a plain Tomcat, two Tomcats behind nginx or HAProxy, and Node's {@code cluster}, in one
 * run on one machine: see {@code docs/launcher-benchmarks.md}. Linux only.
 */
@NullMarked
package dev.clowder.benchmark;

import org.jspecify.annotations.NullMarked;
