/**
 * {@code clowder check}: runs an application in ways that are legal but unkind, and tells what it kept to itself. See
 * docs/check.md and ADR 22.
 */
@org.jspecify.annotations.NullMarked
package dev.clowder.launcher.check;
