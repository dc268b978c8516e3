/**
 * An Arquillian container that deploys each archive to a real Clowder launcher process of its own.
 *
 * <p>What a test sees: {@link dev.clowder.arquillian.ClowderConfiguration} in {@code arquillian.xml}, the URL of the
 * deployment, and {@link dev.clowder.arquillian.ClowderProcess} as an {@code @ArquillianResource}.
 */
@NullMarked
package dev.clowder.arquillian;

import org.jspecify.annotations.NullMarked;
