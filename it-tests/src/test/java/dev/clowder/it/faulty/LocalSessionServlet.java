package dev.clowder.it.faulty;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;

/** Its fault, if users must not notice a crash: its web.xml does not say that its sessions may be everywhere. */
@WebServlet("/")
public class LocalSessionServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        HttpSession session = request.getSession();
        int next;
        synchronized (LocalSessionServlet.class) {
            Integer before = (Integer) session.getAttribute("number");
            next = before == null ? 1 : before + 1;
            session.setAttribute("number", next);
        }
        response.getWriter().print("number " + next);
    }
}
