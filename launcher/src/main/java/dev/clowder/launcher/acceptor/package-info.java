@NullMarked
package dev.clowder.launcher.acceptor;

import org.jspecify.annotations.NullMarked;
