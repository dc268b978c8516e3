@NullMarked
package dev.clowder.launcher.config;

import org.jspecify.annotations.NullMarked;
