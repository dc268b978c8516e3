package dev.clowder.launcher.config;

import java.nio.file.Path;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * One access log for all workers.
 *
 * @param file to which all of them append, absolute
 * @param pattern of a line, as Tomcat's {@code AccessLogValve} has it: its attribute {@code pattern}
 * @param limit bytes above which the file is full, 0 for never
 */
public record AccessLog(Path file, String pattern, long limit) {
    private static final Set<String> NAMES = Set.of("common", "combined");

    /**
     * What both Tomcat lines know.
     *
     * @see <a href="https://tomcat.apache.org/tomcat-11.0-doc/config/valve.html#Access_Logging">Access Logging</a>
     */
    private static final Pattern KNOWN =
            Pattern.compile("(?:[^%\\p{Cntrl}]|%[%aAbBDFhHIlmpqrsStTuUvX]|%\\{[^}\\p{Cntrl}]*\\}[aciLoprstT])*+");

    /** Whether it is the name of a pattern, or a pattern of which Tomcat knows every sign; it must tell something. */
    static boolean isPattern(String text) {
        return NAMES.contains(text)
                || (text.contains("%") && KNOWN.matcher(text).matches());
    }
}
