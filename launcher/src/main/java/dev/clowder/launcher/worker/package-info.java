@NullMarked
package dev.clowder.launcher.worker;

import org.jspecify.annotations.NullMarked;
