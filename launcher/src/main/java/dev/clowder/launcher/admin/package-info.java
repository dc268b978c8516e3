@NullMarked
package dev.clowder.launcher.admin;

import org.jspecify.annotations.NullMarked;
