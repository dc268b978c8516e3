package dev.clowder.valve;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import org.apache.catalina.util.RequestUtil;

/**
 * A request whose paths begin as the client wrote them, with the prefix in place of the context path.
 *
 * <p>Tomcat puts its own wrappers for FORWARD and ERROR dispatches below this one, so every path is computed anew when
 * it is asked for.
 */
final class PrefixedRequest extends HttpServletRequestWrapper {

    private final String prefix;

    PrefixedRequest(HttpServletRequest request, String prefix) {
        super(request);
        this.prefix = prefix;
    }

    @Override
    public String getContextPath() {
        return prefix;
    }

    @Override
    public String getRequestURI() {
        String context = super.getContextPath();
        String uri = super.getRequestURI();
        int start = context.isEmpty() ? 0 : uri.indexOf(context);
        return start < 0 ? uri : prefix + uri.substring(start + context.length());
    }

    @Override
    public StringBuffer getRequestURL() {
        return RequestUtil.getRequestURL(this);
    }
}
