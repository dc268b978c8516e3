@NullMarked
package dev.clowder.launcher.proxy;

import org.jspecify.annotations.NullMarked;
