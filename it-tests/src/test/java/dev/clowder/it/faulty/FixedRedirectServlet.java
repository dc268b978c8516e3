package dev.clowder.it.faulty;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Its fault: it redirects to the address at which its developer saw it. */
@WebServlet("/")
public class FixedRedirectServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        if (request.getServletPath().equals("/next")) {
            response.getWriter().print("here");
        } else {
            response.sendRedirect("http://localhost:" + request.getLocalPort() + "/next");
        }
    }
}
