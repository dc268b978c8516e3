package dev.clowder.it.faulty;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** No fault: a list in a replicated session, a temporary file, a cookie, a form and a redirect behind it. */
@WebServlet("/")
public class CleanServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    private static final List<String> GREETINGS = List.of("hello", "welcome");
    /** Made when it is needed, in each worker the same. */
    private static volatile String template;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        if (template == null) {
            template = "<p>" + GREETINGS.get(0) + "</p>";
        }
        Path scratch = Files.createTempFile("clean", ".txt");
        Files.writeString(scratch, "for a moment");
        Files.delete(scratch);
        response.setContentType("text/html");
        response.getWriter()
                .print(template + "<p>" + items(request.getSession()) + "</p><p>" + UUID.randomUUID() + " "
                        + Instant.now()
                        + "</p><a href='again'>again</a><form method='post' action='add'><input name='item'></form>");
    }

    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
        List<String> items = new ArrayList<>(items(request.getSession()));
        items.add(request.getParameter("item"));
        request.getSession().setAttribute("items", items);
        Cookie cookie = new Cookie("last", "item");
        cookie.setSecure(request.isSecure());
        response.addCookie(cookie);
        response.sendRedirect("again");
    }

    @SuppressWarnings("unchecked")
    private static List<String> items(HttpSession session) {
        Object items = session.getAttribute("items");
        return items == null ? List.of() : (List<String>) items;
    }
}
