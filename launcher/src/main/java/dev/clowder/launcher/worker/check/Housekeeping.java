package dev.clowder.launcher.worker.check;

import java.util.List;

/**
 * Libraries in {@code WEB-INF/lib} whose threads and files belong to the process and to nothing else, by the beginning of their
 * class names: loggers, and pools of connections. Libraries that run what the application told them, such as schedulers,
 * are none of these.
 */
final class Housekeeping {
    private static final List<String> LOGGING = List.of(
            "java.util.logging.",
            "org.apache.juli.",
            "org.apache.log4j.",
            "org.apache.logging.log4j.",
            "ch.qos.logback.",
            "org.tinylog.");

    private static final List<String> POOLS = List.of(
            "com.zaxxer.hikari.",
            "com.mchange.v2.",
            "org.apache.commons.dbcp2.",
            "org.apache.commons.pool2.",
            "org.apache.tomcat.dbcp.",
            "org.apache.tomcat.jdbc.pool.",
            "org.apache.http.impl.client.",
            "org.apache.hc.client5.http.impl.",
            "com.mysql.cj.jdbc.",
            "org.mariadb.jdbc.",
            "org.postgresql.",
            "com.microsoft.sqlserver.jdbc.",
            "oracle.jdbc.");

    private Housekeeping() {}

    static boolean isLogging(String name) {
        return LOGGING.stream().anyMatch(name::startsWith);
    }

    /** @param name of a class, or of a method with its class in front */
    static boolean isOf(String name) {
        return isLogging(name) || POOLS.stream().anyMatch(name::startsWith);
    }
}
