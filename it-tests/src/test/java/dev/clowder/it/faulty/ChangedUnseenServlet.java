package dev.clowder.it.faulty;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Its fault: it changes a list in the session and does not call {@code setAttribute} again. */
@WebServlet("/")
public class ChangedUnseenServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    @SuppressWarnings("unchecked")
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        HttpSession session = request.getSession();
        if (session.getAttribute("visits") == null) {
            session.setAttribute("visits", new ArrayList<String>());
        }
        List<String> visits = (List<String>) session.getAttribute("visits");
        visits.add("visit");
        response.getWriter().print(visits.size());
    }
}
