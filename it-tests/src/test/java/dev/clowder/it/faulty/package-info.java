/**
 * Applications with one fault each, and a clean one: what {@code clowder check} must find, and nothing else. Each class is
 * an application of its own.
 */
package dev.clowder.it.faulty;
