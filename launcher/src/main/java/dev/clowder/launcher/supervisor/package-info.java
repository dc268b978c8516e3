@NullMarked
package dev.clowder.launcher.supervisor;

import org.jspecify.annotations.NullMarked;
