package dev.clowder.it.app;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.annotation.WebFilter;
import jakarta.servlet.http.HttpFilter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.security.Principal;

/** Passes what the handshake of a WebSocket says of its client on to the endpoint, in the one place that it can see. */
@WebFilter("/handshake")
public class HandshakeFilter extends HttpFilter {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doFilter(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws IOException, ServletException {
        String seen = request.getRemoteAddr() + ":" + request.getRemotePort() + " " + request.getScheme() + " "
                + request.isSecure() + " " + request.getHeader("X-Real-IP");
        chain.doFilter(
                new HttpServletRequestWrapper(request) {
                    @Override
                    public Principal getUserPrincipal() {
                        return () -> seen;
                    }
                },
                response);
    }
}
