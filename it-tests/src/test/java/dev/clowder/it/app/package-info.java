/** What the applications under test are made of; runs inside the workers. */
@NullMarked
package dev.clowder.it.app;

import org.jspecify.annotations.NullMarked;
