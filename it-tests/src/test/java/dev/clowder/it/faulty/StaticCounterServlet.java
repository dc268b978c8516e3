package dev.clowder.it.faulty;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;

/** Its fault: it counts in a static field. */
@WebServlet("/")
public class StaticCounterServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    private static final AtomicInteger HITS = new AtomicInteger();

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        response.getWriter().print("visitor number " + HITS.incrementAndGet());
    }
}
