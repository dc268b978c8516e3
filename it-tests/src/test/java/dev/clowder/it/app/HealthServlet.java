package dev.clowder.it.app;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.nio.file.Files;
import java.nio.file.Path;

/** Well, unless there is a file {@code SLOT} in the directory that the system property {@code sick} names. */
@WebServlet("/health")
public class HealthServlet extends HttpServlet {
    private static final long serialVersionUID = 1L;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) {
        Path mark = Path.of(System.getProperty("sick"), System.getProperty("clowder.worker.slot"));
        response.setStatus(Files.exists(mark) ? 503 : 200);
    }
}
