package dev.clowder.launcher.config;

import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Where something listens, as it is typed: {@code 8000}, {@code 127.0.0.1:8000} or {@code [::1]:8000}.
 *
 * @param address null if only a port was typed
 */
public record ListenAddress(@Nullable InetAddress address, int port) {

    /** As it is typed, which nginx and HAProxy understand too. */
    @Override
    public String toString() {
        return address == null
                ? String.valueOf(port)
                : NetUtil.toSocketAddressString(new InetSocketAddress(address, port));
    }

    /** An address, never a name; null if it is none. */
    public static @Nullable InetAddress literal(String text) {
        return NetUtil.createInetAddressFromIpAddressString(text);
    }

    /** Of what was typed. */
    public static final class Converter implements ITypeConverter<ListenAddress> {
        private static final Pattern FORM = Pattern.compile("(?:([0-9.]+):|\\[([0-9A-Fa-f:.]+)]:)?(\\d{1,5})");

        @Override
        public ListenAddress convert(String text) {
            Matcher form = FORM.matcher(text);
            if (form.matches()) {
                int port = Integer.parseInt(form.group(3));
                String named = form.group(1) == null ? form.group(2) : form.group(1);
                InetAddress address = named == null ? null : literal(named);
                if (port <= 65535 && (named == null || address != null)) {
                    return new ListenAddress(address, port);
                }
            }
            throw new TypeConversionException(
                    "'" + text + "' is no place to listen, use 8000, 127.0.0.1:8000 or [::1]:8000");
        }
    }
}
