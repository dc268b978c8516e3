/** The promises of the whole product, tried on real processes and sockets. */
@NullMarked
package dev.clowder.it;

import org.jspecify.annotations.NullMarked;
