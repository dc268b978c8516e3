package dev.clowder.it.app;

import jakarta.servlet.annotation.WebListener;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSessionEvent;
import jakarta.servlet.http.HttpSessionListener;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Answers with the number of sessions that have ended since the application was started; {@code ?begin} begins one that
 * lives for a second. What ends it is the container's background thread, so that the number tells how far that has come.
 */
@WebServlet("/expired")
@WebListener
public class ExpiredServlet extends HttpServlet implements HttpSessionListener {
    private static final long serialVersionUID = 1L;

    private static final AtomicInteger EXPIRED = new AtomicInteger();

    @Override
    public void sessionDestroyed(HttpSessionEvent ended) {
        EXPIRED.incrementAndGet();
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        if ("begin".equals(request.getQueryString())) {
            request.getSession().setMaxInactiveInterval(1);
        }
        response.setContentType("text/plain");
        response.getWriter().print(EXPIRED.get());
    }
}
