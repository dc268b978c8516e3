/** The few classes on the class path of a worker that runs an installed Tomcat. They use the JDK and Tomcat's start only. */
@NullMarked
package dev.clowder.launcher.worker.boot;

import org.jspecify.annotations.NullMarked;
