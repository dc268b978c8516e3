package dev.clowder.it.app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * Counts in the session. {@code add}: how much, 1 if it is missing; the answer is the number after that. {@code end}
 * ends the session afterwards; {@code seconds}: it ends when nobody has used it for so long. {@code milliseconds}: how long
 * it takes between reading and writing. {@code gate}: makes the file of this name and {@code .in} when it has the session,
 * and goes on when there is one of this name. {@code more}: how many letters follow the number. {@code attribute}: {@code refused} sets one that is not Serializable, {@code hidden} one that holds such a thing.
 */
@WebServlet("/counter")
public class CounterServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;
    private static final String COUNT = "count";

    /** Not Serializable. */
    static final class Handle {}

    /** Serializable by its word only. */
    static final class Holder implements java.io.Serializable {
        private static final long serialVersionUID = 1L;

        @SuppressWarnings("serial")
        private final Object handle = new Handle();

        @Override
        public String toString() {
            return "holder of " + handle;
        }
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        response.setContentType("text/plain");
        HttpSession session = request.getSession();
        String attribute = request.getParameter("attribute");
        if (attribute != null) {
            session.setAttribute("basket", attribute.equals("hidden") ? new Holder() : new Handle());
        }
        int count;
        // As a careful application does: its own JVM may run two requests of a session at the same time.
        synchronized (CounterServlet.class) {
            Integer before = (Integer) session.getAttribute(COUNT);
            count = (before == null ? 0 : before) + number(request, "add", 1);
            pause(number(request, "milliseconds", 0));
            pass(request.getParameter("gate"));
            session.setAttribute(COUNT, count);
        }
        session.setMaxInactiveInterval(number(request, "seconds", session.getMaxInactiveInterval()));
        if (request.getParameter("end") != null) {
            session.invalidate();
        }
        response.getWriter().print(count);
        response.getWriter().print("x".repeat(number(request, "more", 0)));
    }

    private static int number(HttpServletRequest request, String name, int otherwise) {
        String text = request.getParameter(name);
        return text == null ? otherwise : Integer.parseInt(text);
    }

    private static void pass(String gate) throws IOException {
        if (gate != null) {
            Files.createFile(Path.of(gate + ".in"));
            while (!Files.exists(Path.of(gate))) {
                pause(10);
            }
        }
    }

    private static void pause(int milliseconds) {
        try {
            TimeUnit.MILLISECONDS.sleep(milliseconds);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
