@NullMarked
package dev.clowder.launcher.wire;

import org.jspecify.annotations.NullMarked;
