@NullMarked
package dev.clowder.launcher.cli;

import org.jspecify.annotations.NullMarked;
