@NullMarked
package dev.clowder.valve;

import org.jspecify.annotations.NullMarked;
