@NullMarked
package dev.clowder.launcher;

import org.jspecify.annotations.NullMarked;
