package dev.clowder.it.faulty;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Its fault: it keeps what it gets in a file. */
@WebServlet("/")
public class FileServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Path uploads =
                Path.of(getServletContext().getRealPath("/")).resolve("WEB-INF").resolve("uploads");
        Files.createDirectories(uploads);
        Files.writeString(uploads.resolve("note.txt"), "a note");
        response.getWriter().print("kept");
    }
}
