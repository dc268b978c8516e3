package dev.clowder.it.faulty;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;

/** Its fault: it reads a number from the session, works, and writes the next one, without a lock. */
@WebServlet("/")
public class RacingServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;
    private static final long WORK_MILLIS = 300;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        HttpSession session = request.getSession();
        Integer before = (Integer) session.getAttribute("number");
        work();
        int next = before == null ? 1 : before + 1;
        session.setAttribute("number", next);
        response.getWriter().print("number " + next);
    }

    private static void work() {
        try {
            Thread.sleep(WORK_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
