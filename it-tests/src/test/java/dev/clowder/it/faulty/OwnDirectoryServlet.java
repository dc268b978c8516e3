package dev.clowder.it.faulty;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;

/** Its fault: what it knows of a user is in the worker's directory for temporary files, where no other worker looks. */
@WebServlet("/")
public class OwnDirectoryServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Path file = Path.of(System.getProperty("java.io.tmpdir")).resolve(user(request, response) + ".txt");
        int next = Files.exists(file) ? Integer.parseInt(Files.readString(file)) + 1 : 1;
        Files.writeString(file, String.valueOf(next));
        response.getWriter().print("visit number " + next);
    }

    private static String user(HttpServletRequest request, HttpServletResponse response) {
        if (request.getCookies() != null) {
            return request.getCookies()[0].getValue();
        }
        Cookie cookie = new Cookie("user", UUID.randomUUID().toString());
        cookie.setSecure(request.isSecure());
        response.addCookie(cookie);
        return cookie.getValue();
    }
}
