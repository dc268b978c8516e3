package dev.clowder.it.faulty;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Its fault: a request needs more memory than a small worker has. */
@WebServlet("/")
public class LargeServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;
    private static final int LARGE = 64 << 20;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        byte[] large = new byte[LARGE];
        response.getWriter().print("used " + large.length);
    }
}
