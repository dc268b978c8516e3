package dev.clowder.it.app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Counts the requests of a session and answers with the number; {@code ?held} in an object that can't be serialised,
 * {@code ?read} without counting. A body is read to its end and its length is told behind the number.
 */
@WebServlet("/count")
public class CountServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    /** What some frameworks keep in a session: lives in one JVM only. */
    private static final class Held {
        final AtomicInteger count = new AtomicInteger();
    }

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        boolean read = "read".equals(request.getQueryString());
        HttpSession session = request.getSession(!read);
        String text = session == null ? "none" : String.valueOf(count(session, request.getQueryString()));
        int length = request.getInputStream().readAllBytes().length;
        response.setContentType("text/plain");
        response.getWriter().print(length == 0 ? text : text + " " + length);
    }

    private static int count(HttpSession session, String how) {
        if ("held".equals(how)) {
            return attribute(session, "held", new Held()).count.incrementAndGet();
        }
        AtomicInteger count = attribute(session, "count", new AtomicInteger());
        return "read".equals(how) ? count.get() : count.incrementAndGet();
    }

    @SuppressWarnings("unchecked")
    private static <T> T attribute(HttpSession session, String name, T first) {
        synchronized (CountServlet.class) {
            if (session.getAttribute(name) == null) {
                session.setAttribute(name, first);
            }
            return (T) session.getAttribute(name);
        }
    }
}
