package dev.clowder.launcher.config;

import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * How the cluster tells what it does.
 *
 * @param admin where its page and its metrics are; null for nowhere
 * @param onEvent the command that is run for each event; null for none
 * @param jsonLog whether the log is lines of JSON
 */
public record Reporting(@Nullable Admin admin, @Nullable String onEvent, boolean jsonLog) {
    /** Lines of text, and nothing else. */
    public static final Reporting NONE = new Reporting(null, null, false);

    /**
     * The page.
     *
     * @param address where it listens
     * @param token what a client must know; null if everybody on this machine may come
     */
    public record Admin(InetSocketAddress address, @Nullable String token) {
        /** Without the token. */
        @Override
        public String toString() {
            return address + (token == null ? "" : ", with a token");
        }
    }
}
