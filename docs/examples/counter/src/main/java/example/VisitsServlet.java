package example;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;

/** Answers with the number of this visit, and of those by the same visitor. */
@WebServlet("/visits")
public class VisitsServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    // The fault: each process has a counter of its own.
    private static final AtomicInteger VISITS = new AtomicInteger();

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        HttpSession session = request.getSession();
        Integer before = (Integer) session.getAttribute("visits");
        int own = before == null ? 1 : before + 1;
        session.setAttribute("visits", own);
        response.setContentType("text/plain");
        response.getWriter().print(VISITS.incrementAndGet() + " " + own);
    }
}
