package dev.clowder.it.faulty;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Its fault: a cookie that would also be sent without TLS. */
@WebServlet("/")
public class PlainCookieServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        response.addCookie(new Cookie("taste", "sweet"));
        response.getWriter().print("have a cookie");
    }
}
