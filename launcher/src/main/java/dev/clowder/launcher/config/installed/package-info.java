/** What an installed Tomcat says about itself: its directories, its version, its {@code server.xml}. */
@NullMarked
package dev.clowder.launcher.config.installed;

import org.jspecify.annotations.NullMarked;
